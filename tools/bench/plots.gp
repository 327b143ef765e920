# SPDX-License-Identifier: GPL-2.0
# The plots of make bench, from the data that report.awk wrote to this directory.
set datafile separator "\t"
set style line 1 lc rgb "#1b6ca8" lw 2 pt 7 ps 0.7
set style line 2 lc rgb "#c8553d" lw 2 pt 5 ps 0.7
set style line 3 lc rgb "#1b6ca8" lw 2 dt 2 pt 6 ps 0.7
set style line 4 lc rgb "#c8553d" lw 2 dt 2 pt 4 ps 0.7
set grid

set terminal svg size 800,480 dynamic noenhanced background rgb "white"
set output "madvise.svg"
set title "MADV_DONTNEED of one page"
set xlabel "intervals of the mm"
set ylabel "instructions"
set logscale x
set xtics ("none" 0.1, "1" 1, "1,000" 1e3, "100,000" 1e5, "1,000,000" 1e6)
set xrange [0.05:2e6]
set yrange [0:*]
set key outside below
plot "madvise-miss.dat" using 1:2 with linespoints ls 1 title "ours, missing all", \
     "madvise-miss.dat" using 1:3 with linespoints ls 2 title "kernel, missing all", \
     "madvise-hit.dat" using 1:2 with linespoints ls 3 title "ours, hitting one", \
     "madvise-hit.dat" using 1:3 with linespoints ls 4 title "kernel, hitting one"

set output "readers.svg"
set title "read_begin + read_retry by several threads on one mm"
set xlabel "threads"
set ylabel "reads per microsecond, all threads"
unset logscale
set xrange [0.5:4.5]
set xtics (1, 2, 4)
set key outside below
plot "read-threads-4.dat" using 1:2 with linespoints ls 1 title "ours, 4 CPUs", \
     "read-threads-4.dat" using 1:3 with linespoints ls 2 title "kernel, 4 CPUs", \
     "read-threads-2.dat" using 1:2 with linespoints ls 3 title "ours, 2 CPUs", \
     "read-threads-2.dat" using 1:3 with linespoints ls 4 title "kernel, 2 CPUs"

set output "snapshots.svg"
set title "snapshots of 64 KiB by several threads on disjoint parts of one mm"
set ylabel "pages per microsecond, all threads"
plot "snapshot-threads-4.dat" using 1:2 with linespoints ls 1 title "ours, 4 CPUs", \
     "snapshot-threads-4.dat" using 1:3 with linespoints ls 2 title "kernel, 4 CPUs", \
     "snapshot-threads-2.dat" using 1:2 with linespoints ls 3 title "ours, 2 CPUs", \
     "snapshot-threads-2.dat" using 1:3 with linespoints ls 4 title "kernel, 2 CPUs"

stats "ratios.dat" using 2 nooutput
n = STATS_records
set terminal svg size 1000,(80 + 20 * n) dynamic noenhanced background rgb "white"
set output "ratios.svg"
set title "ours / the kernel's own" offset -30
set xlabel "more is better for reads/us and pages/us, less for all others" offset -10
unset ylabel
unset key
set lmargin 62
set xtics autofreq
set logscale x
set xrange [0.005:50]
set yrange [n:-1]
set ytics font ",10"
set style fill solid 0.8
set arrow 1 from 1, graph 0 to 1, graph 1 nohead lc rgb "#444444" lw 1.5 front
plot "ratios.dat" using (0.005):0:(0.005):2:($0-0.35):($0+0.35):ytic(1) \
     with boxxyerror ls 1 fs solid 0.8
