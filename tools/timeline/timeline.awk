# SPDX-License-Identifier: GPL-2.0
# Draws a trace of the group hmm_mirror as an SVG: what the readers, the
# invalidations and the callbacks of one mm did over time. The mm is the one with
# the most events.
#
# Input:  /sys/kernel/tracing/trace, see Documentation/tracing.rst
# Output: the SVG. Without any event of an mm, a message on stderr and status 1.
#
# An event is recorded at its end, and its duration is in the field ns. All times are
# in microseconds.

BEGIN {
	WIDTH = 1100
	LEFT = 190
	RIGHT = WIDTH - 30
	LANE = 22		# the height of a lane
	BAR = 14		# the height of a bar within its lane

	# The kinds of bars, in the order in which they cover each other, with the
	# lane that they are drawn in, their color, and their text in the legend.
	kind("populate", "reads", "#bcd8ea", "populate, which reads again after a collision")
	kind("lost", "reads", "#f3c3ba", "a read that is lost, because it collided")
	kind("read", "reads", "#1b6ca8", "a reader reads the page tables or faults pages in")
	kind("wait", "reads", "#e3a72f", "a reader waits for the end of an invalidation")
	kind("miss", "invalidates", "#c9c9c9", "an invalidation of memory that is not mirrored")
	kind("hit", "invalidates", "#c8553d", "an invalidation of mirrored memory, which changes")
	kind("callback", "callbacks", "#7a4b94", "a callback: the driver removes its mappings")
	kind("refused", "callbacks", "#000000", "a callback that refuses the invalidation")
	kind("map", "DMA", "#2c8c5a", "pages are mapped for DMA")
	kind("unmap", "DMA", "#8fc9a8", "pages are unmapped")
	nr_lane_names = split("reads invalidates callbacks DMA", lane_names, " ")
}

function kind(name, lane, color, text)
{
	kinds[++nr_kinds] = name
	lane_of[name] = lane
	color_of[name] = color
	text_of[name] = text
}

# The header of the trace has the numbers of events in the buffer and ever written.
/^#.*entries-in-buffer\/entries-written:/ {
	split($3, n, "/")
	overwritten = n[2] - n[1]
}

/: hmm_[a-z_]+: / && !/^#/ {
	parse($0)
	if (event == "hmm_invalidate_start")
		begin_invalidation()
	else if (event == "hmm_invalidate_end")
		end_invalidation()
	else if (event == "hmm_callback")
		bar(f["mm"], f["accepted"] + 0 ? "callback" : "refused", begun, now, bounds())
	else if (event == "hmm_read_begin")
		begin_read()
	else if (event == "hmm_read_retry")
		collide(mm_of_interval[f["interval"]],
			section[task, f["interval"], f["seq"]])
	else if (event == "hmm_snapshot" || event == "hmm_fault")
		end_read()
	else if (event == "hmm_populate")
		bar(f["mm"], "populate", begun, now,
		    sprintf("populate %s, read again %d times", bounds(), f["retries"]))
	else if (event ~ /^hmm_dma_/)
		bar(mm_of_range[f["range"]], event == "hmm_dma_map" ? "map" : "unmap",
		    begun, now, sprintf("%d pages in %d parts of %s", f["pages"], f["runs"],
					bounds()))
}

# Sets task, event, now, begun and the fields f of a line:
#   hmm_demo-70      (     70) [000] .....   10.123456: hmm_fault: mm=... ns=5
function parse(line,	at, head, words, n, i, value)
{
	at = match(line, /: hmm_[a-z_]+: /)
	head = substr(line, 1, at - 1)
	n = split(head, words, " ")
	now = words[n] * 1000000
	if (first == "")
		first = now
	now -= first

	task = head
	sub(/ *(\([ 0-9-]*\) *)?\[[0-9]+\].*/, "", task)
	sub(/^ */, "", task)
	at = match(task, /-[0-9]+$/)
	task = substr(task, 1, at - 1) " " substr(task, at + 1)

	n = split(substr(line, length(head) + 3), words, " ")
	event = words[1]
	sub(/:$/, "", event)
	split("", f)
	for (i = 2; i <= n; i++) {
		at = index(words[i], "=")
		f[substr(words[i], 1, at - 1)] = substr(words[i], at + 1)
	}
	begun = now - f["ns"] / 1000
}

function bounds()
{
	return f["start"] " to " f["end"]
}

# bar MM KIND FROM TO TEXT: records a bar in the lane of the current task
function bar(mm, name, from, to, text)
{
	if (mm == "" || mm ~ /^\(?(null|0+)\)?$/)
		return
	nr_bars++
	bar_mm[nr_bars] = mm
	bar_kind[nr_bars] = name
	bar_task[nr_bars] = task
	bar_from[nr_bars] = from
	bar_to[nr_bars] = to
	bar_text[nr_bars] = text
	events[mm]++
	if (now > last)
		last = now
	if (from < earliest)
		earliest = from
}

# Invalidations of a task may be nested.
function begin_invalidation(	key)
{
	key = task SUBSEP f["mm"] SUBSEP bounds()
	open_from[key] = now
	open_kind[key] = f["hit"] + 0 ? "hit" : "miss"
}

function end_invalidation(	key)
{
	key = task SUBSEP f["mm"] SUBSEP bounds()
	if (!(key in open_from))
		return
	bar(f["mm"], open_kind[key], open_from[key], now, bounds())
	delete open_from[key]
}

function begin_read()
{
	mm_of_interval[f["interval"]] = f["mm"]
	section[task, f["interval"], f["seq"]] = now
	if (f["waited_ns"] + 0 > 0)
		bar(f["mm"], "wait", now - f["waited_ns"] / 1000, now,
		    sprintf("waited %.3f ms", f["waited_ns"] / 1000000))
}

function end_read()
{
	mm_of_range[f["range"]] = f["mm"]
	read_start[task] = f["start"]
	read_end[task] = f["end"]
	bar(f["mm"], "read", begun, now,
	    sprintf("%s %s: %s", substr(event, 5), bounds(),
		    f["ret"] + 0 == 0 ? f["pages"] " pages" : "error " f["ret"]))
	if (f["ret"] + 0 == -16)
		collide(f["mm"], begun)
}

# The current task has detected that a read that began at FROM has collided.
function collide(mm, from)
{
	if (mm == "")
		return
	if (from == "")
		from = now
	bar(mm, "lost", from, now, "collided: this read begins again")
	nr_collisions++
	collision_mm[nr_collisions] = mm
	collision_task[nr_collisions] = task
	collision_from[nr_collisions] = from
	collision_at[nr_collisions] = now
	collision_start[nr_collisions] = read_start[task]
	collision_end[nr_collisions] = read_end[task]
}

function number_of(name)
{
	return name in count ? count[name] : 0
}

# Counts the bars of the chosen mm, and lists its tasks and their lanes.
function survey(	i, j, task, seen, row)
{
	for (i = 1; i <= nr_bars; i++) {
		if (bar_mm[i] != mm)
			continue
		count[bar_kind[i]]++
		if (!(bar_task[i] in seen)) {
			seen[bar_task[i]] = ++nr_tasks
			tasks[nr_tasks] = bar_task[i]
		}
		used[bar_task[i], lane_of[bar_kind[i]]] = 1
		from = min(from, bar_from[i])
		to = max(to, bar_to[i])
	}
	for (i = 1; i <= nr_tasks; i++) {
		for (j = 1; j <= nr_lane_names; j++) {
			if (!((tasks[i], lane_names[j]) in used))
				continue
			lane[tasks[i], lane_names[j]] = row * LANE + i * 10
			row++
		}
	}
	lanes_height = row * LANE + nr_tasks * 10 + 6
	for (i = 1; i <= nr_collisions; i++)
		if (collision_mm[i] == mm)
			collisions++
}

function min(a, b)
{
	return a == "" || b < a ? b : a
}

function max(a, b)
{
	return a == "" || b > a ? b : a
}

function escape(text)
{
	gsub(/&/, "\\&amp;", text)
	gsub(/</, "\\&lt;", text)
	gsub(/>/, "\\&gt;", text)
	return text
}

function label(x, y, anchor, size, style, text)
{
	printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" font-size=\"%d\"%s>%s</text>\n",
	       x, y, anchor, size, style, escape(text)
}

function rect(x, y, width, height, fill, text)
{
	printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"", x, y, width,
	       height, fill
	if (text != "")
		printf "><title>%s</title></rect>\n", escape(text)
	else
		print "/>"
}

function line(x1, y1, x2, y2, style)
{
	printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2, style
}

function x_of(time)
{
	return LEFT + (time - panel_from) / (panel_to - panel_from) * (RIGHT - LEFT)
}

# panel TOP FROM TO: draws the lanes of all tasks, with an axis below
function panel(top, from, to,	i, j, y)
{
	panel_from = from
	panel_to = to
	for (i = 1; i <= nr_tasks; i++) {
		y = ""
		for (j = 1; j <= nr_lane_names; j++) {
			if (!((tasks[i], lane_names[j]) in lane))
				continue
			if (y == "") {
				y = top + lane[tasks[i], lane_names[j]]
				label(12, y + 15, "start", 13, " font-weight=\"bold\"", tasks[i])
				line(12, y - 4, RIGHT, y - 4, "stroke=\"#dddddd\"")
			}
			y = top + lane[tasks[i], lane_names[j]]
			label(LEFT - 10, y + 15, "end", 12, " fill=\"#444444\"", lane_names[j])
			rect(LEFT, y + LANE / 2, RIGHT - LEFT, 0.6, "#e4e4e4")
		}
	}
	axis(top)
	for (i = 1; i <= nr_kinds; i++)
		if (kinds[i] in count)
			bars(top, kinds[i])
	crosses(top)
}

# At most eight ticks, at round numbers of milliseconds.
function axis(top,	step, at, bottom, digits)
{
	bottom = top + lanes_height
	step = 0.001
	while ((panel_to - panel_from) / 1000 / step > 8) {
		step *= 2
		if ((panel_to - panel_from) / 1000 / step <= 8)
			break
		step *= 2.5
		if ((panel_to - panel_from) / 1000 / step <= 8)
			break
		step *= 2
	}
	digits = step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3
	line(LEFT, bottom, RIGHT, bottom, "stroke=\"#444444\"")
	at = int((panel_from - origin) / 1000 / step) * step
	for (; at <= (panel_to - origin) / 1000; at += step) {
		if (at < (panel_from - origin) / 1000 - step / 1000)
			continue
		line(x_of(origin + at * 1000), top, x_of(origin + at * 1000), bottom + 5,
		     "stroke=\"#bbbbbb\" stroke-width=\"0.6\"")
		label(x_of(origin + at * 1000), bottom + 19, "middle", 12, "",
		      sprintf("%.*f", digits, at))
	}
	label(12, bottom + 19, "start", 12, " fill=\"#444444\"", "time in milliseconds")
}

# Draws the bars of one kind. Bars that would touch are drawn as one, so the size of
# the file does not depend on the number of events.
function bars(top, name,	i, x, end, key, task)
{
	split("", merged_to)
	for (i = 1; i <= nr_bars; i++) {
		if (bar_mm[i] != mm || bar_kind[i] != name || bar_to[i] < panel_from ||
		    bar_from[i] > panel_to)
			continue
		task = bar_task[i]
		x = x_of(max(bar_from[i], panel_from))
		end = max(x_of(min(bar_to[i], panel_to)), x + 2)
		if (task in merged_to && x <= merged_to[task] + 0.5 &&
		    x >= merged_from[task] - 0.5) {
			merged_to[task] = max(merged_to[task], end)
			merged_text[task] = ++merged_count[task] " events"
			continue
		}
		if (task in merged_to)
			flush_bar(top, name, task)
		merged_from[task] = x
		merged_to[task] = end
		merged_count[task] = 1
		merged_text[task] = sprintf("%s, %.3f ms", bar_text[i],
					    (bar_to[i] - bar_from[i]) / 1000)
	}
	for (task in merged_to)
		flush_bar(top, name, task)
}

function flush_bar(top, name, task,	height)
{
	height = name == "populate" || name == "lost" ? LANE - 2 : BAR
	rect(merged_from[task], top + lane[task, lane_of[name]] + (LANE - height) / 2,
	     merged_to[task] - merged_from[task], height, color_of[name],
	     task ": " merged_text[task])
}

# Each collision is a cross where the reader detected it, and a line to the
# invalidation that caused it.
function crosses(top,	i, cause, y, x, last_x)
{
	for (i = 1; i <= nr_collisions; i++) {
		if (collision_mm[i] != mm || collision_at[i] < panel_from ||
		    collision_at[i] > panel_to)
			continue
		x = x_of(collision_at[i])
		y = top + lane[collision_task[i], "reads"] + LANE / 2
		if (y in last_x && x - last_x[y] < 2)
			continue
		last_x[y] = x
		cause = cause_of(i)
		if (cause)
			line(x_of(bar_from[cause]), y, x_of(bar_from[cause]),
			     top + lane[bar_task[cause], "invalidates"] + LANE / 2,
			     "stroke=\"#d00000\" stroke-width=\"1.2\" stroke-dasharray=\"3 2\"")
		cross(x, y)
	}
}

function cross(x, y)
{
	line(x - 5, y - 5, x + 5, y + 5, "stroke=\"#ffffff\" stroke-width=\"5\"")
	line(x - 5, y + 5, x + 5, y - 5, "stroke=\"#ffffff\" stroke-width=\"5\"")
	line(x - 5, y - 5, x + 5, y + 5, "stroke=\"#d00000\" stroke-width=\"2.6\"")
	line(x - 5, y + 5, x + 5, y - 5, "stroke=\"#d00000\" stroke-width=\"2.6\"")
}

# Returns the last invalidation that began during the read and overlaps it.
function cause_of(i,	j, ends, found)
{
	for (j = 1; j <= nr_bars; j++) {
		if (bar_kind[j] != "hit" || bar_mm[j] != mm ||
		    bar_from[j] < collision_from[i] || bar_from[j] > collision_at[i])
			continue
		split(bar_text[j], ends, " to ")
		if (collision_start[i] == "" || hex_less(ends[1], collision_end[i]) &&
		    hex_less(collision_start[i], ends[2]))
			found = j
	}
	return found
}

# Compares two numbers of the form 0x..., which may be too large for awk.
function hex_less(a, b)
{
	if (length(a) != length(b))
		return length(a) < length(b)
	return a "" < b ""
}

# Sets zoom_from and zoom_to to the first collision and the read after it, or to the
# longest wait. Returns 0 if there is neither, or if they fill the picture anyway.
function choose_zoom(	i, margin)
{
	zoom_from = ""
	for (i = nr_collisions; i >= 1; i--) {
		if (collision_mm[i] != mm)
			continue
		zoom_from = collision_from[i]
		zoom_to = collision_at[i]
		zoom_task = collision_task[i]
		zoom_what = "the first collision"
	}
	if (zoom_from != "") {
		# The next read of the same task.
		for (i = nr_bars; i >= 1; i--)
			if (bar_mm[i] == mm && bar_kind[i] == "read" &&
			    bar_task[i] == zoom_task && bar_from[i] >= zoom_to)
				margin = bar_to[i]
		if (margin != "" && margin - zoom_to < zoom_to - zoom_from)
			zoom_to = margin
	} else {
		for (i = 1; i <= nr_bars; i++)
			if (bar_mm[i] == mm && bar_kind[i] == "wait" &&
			    (zoom_from == "" || bar_to[i] - bar_from[i] > zoom_to - zoom_from)) {
				zoom_from = bar_from[i]
				zoom_to = bar_to[i]
			}
		zoom_what = "the longest wait"
	}
	if (zoom_from == "")
		return 0
	margin = (zoom_to - zoom_from) * 0.15 + 5
	zoom_from -= margin
	zoom_to += margin
	return zoom_to - zoom_from < (to - from) / 3
}

function legend(y,	i, x, shown)
{
	for (i = 1; i <= nr_kinds + 1; i++) {
		if (i > nr_kinds ? !collisions : !(kinds[i] in count))
			continue
		x = shown % 2 ? WIDTH / 2 + 20 : 24
		if (i > nr_kinds) {
			cross(x + 9, y + 8)
			label(x + 28, y + 13, "start", 13, "",
			      "a collision, with a line to the invalidation that caused it")
		} else {
			rect(x, y + 1, 18, BAR, color_of[kinds[i]])
			label(x + 28, y + 13, "start", 13, "", text_of[kinds[i]])
		}
		y += shown % 2 ? 22 : 0
		shown++
	}
}

function legend_height(	i, n)
{
	for (i = 1; i <= nr_kinds; i++)
		n += kinds[i] in count
	return int((n + (collisions > 0) + 1) / 2) * 22
}

function plural(n, noun)
{
	return n + 0 " " noun (n == 1 ? "" : "s")
}

END {
	for (i in events)
		if (mm == "" || events[i] > events[mm])
			mm = i
	if (mm == "") {
		print "hmm-mirror: the trace has no event of a mirrored process: " \
		      "does the program use a driver of hmm_mirror?" >"/dev/stderr"
		exit 1
	}
	# An invalidation that is in progress at the end of the trace.
	for (key in open_from) {
		split(key, part, SUBSEP)
		task = part[1]
		now = last
		bar(part[2], open_kind[key], open_from[key], last, part[3])
	}
	survey()
	origin = from
	if (to - from < 1)
		to = from + 1
	draw()
}

function draw(	zoom, y, total, x)
{
	zoom = choose_zoom()
	y = 92
	total = y + lanes_height + 40 + legend_height() + 24
	if (zoom)
		total += lanes_height + 80

	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\"", WIDTH, total
	printf " viewBox=\"0 0 %d %d\" font-family=\"sans-serif\">\n", WIDTH, total
	print "<!-- SPDX-License-Identifier: GPL-2.0 -->"
	rect(0, 0, WIDTH, total, "#ffffff")
	label(12, 32, "start", 20, " font-weight=\"bold\"",
	      title != "" ? title : "How a device mirrors the memory of " tasks[1])
	label(12, 56, "start", 13, " fill=\"#444444\"",
	      sprintf("%s, %s, %s and %s in %.1f ms%s", plural(number_of("read"), "read"),
		      plural(number_of("hit") + number_of("miss"), "invalidation"),
		      plural(number_of("callback") + number_of("refused"), "callback"),
		      plural(collisions, "collision"), (to - from) / 1000,
		      overwritten ? "; the trace lacks " plural(overwritten, "earlier event") : ""))
	if (zoom) {
		panel_from = from
		panel_to = to
		x = x_of(zoom_from)
		rect(x, y - 6, max(x_of(zoom_to) - x, 3), lanes_height + 6, "#fff3c4")
		label(min(max(x, LEFT + 60), RIGHT - 60), y - 12, "middle", 12, " fill=\"#8a6d00\"",
		      "enlarged below")
	}
	panel(y, from, to)
	y += lanes_height + 40
	if (zoom) {
		y += 34
		rect(LEFT, y - 6, RIGHT - LEFT, lanes_height + 6, "#fffbea")
		label(12, y - 14, "start", 15, " font-weight=\"bold\"",
		      "Enlarged: " zoom_what)
		panel(y, zoom_from, zoom_to)
		y += lanes_height + 46
	}
	legend(y + 4)
	print "</svg>"
}
