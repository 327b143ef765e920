# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The steps of the test. The client is a copy of samples/template with another name,
# which sorts before hmm-mirror: DKMS must build hmm-mirror first nevertheless.

CLIENT=acme-driver
CLIENT_MODULE=acme_driver
PACKAGES=("$CLIENT-dkms" hmm-mirror-{dkms,dev,tools,tests,doc})
OUR_MODULES="hmm_mirror hmm_mirror_dropin"
TEST_MODULES="test_hmm hmm_api_test hmm_special_test hmm_property_test"

# packages DIR VERSION: builds our packages in DIR
packages() {
	TMPDIR=$WORK_DIR DEB_OUT=$1 DEB_VERSION=$2 V='' "$TREE/scripts/deb"
}

# packages_version DIR: prints the version of the packages, without Debian's revision
packages_version() {
	dpkg-deb -f "$1"/hmm-mirror-dkms_*.deb Version | sed 's/-[^-]*$//'
}

# client_package DIR: builds the package of a driver, as its author would
client_package() {
	local dir=$WORK_DIR/client/$CLIENT file new

	rm -rf "$WORK_DIR/client"
	mkdir -p "$WORK_DIR/client"
	cp -r "$TREE/samples/template" "$dir"
	find "$dir" -type f -exec sed -i "s/hmm-template/$CLIENT/g; s/hmm_template/$CLIENT_MODULE/g" {} +
	find "$dir" -name 'hmm[-_]template*' | while read -r file; do
		new=${file##*/}
		new=${new/hmm-template/$CLIENT}
		mv "$file" "${file%/*}/${new/hmm_template/$CLIENT_MODULE}"
	done
	(cd "$dir" && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES \
		dpkg-buildpackage --build=binary --unsigned-changes --unsigned-buildinfo) || return
	lintian --allow-root --fail-on error "$WORK_DIR"/client/*.changes || return
	cp "$WORK_DIR/client/$CLIENT"-dkms_*.deb "$1/"
}

# install_packages old|new
install_packages() {
	rm -rf "$ROOT/packages"
	mkdir "$ROOT/packages"
	cp "$WORK_DIR/$1"/*.deb "$ROOT/packages/"
	touch "$ROOT/packages/began"
	in_chroot sh -c 'apt-get install -y --no-install-recommends /packages/*.deb' || return
	[ -z "$(in_chroot dpkg --audit)" ] || {
		in_chroot dpkg --audit
		return 1
	}
}

# all_built VERSION: checks that DKMS has installed each module for each kernel, and
# no other version
all_built() {
	local version=$1 release expected

	expected=$(for release in "${RELEASES[@]}"; do
		echo "$CLIENT/1.0, $release, x86_64: installed"
		echo "hmm-mirror/$version, $release, x86_64: installed"
		echo "hmm-mirror-tests/$version, $release, x86_64: installed"
	done | LC_ALL=C sort)
	diff <(echo "$expected") <(in_chroot dkms status | LC_ALL=C sort) || return
	for release in "${RELEASES[@]}"; do
		modules_exist "$release" || return
	done
}

# module_file RELEASE MODULE: prints the path in the chroot. DKMS compresses modules if
# the kernel's are compressed.
module_file() {
	compgen -G "$ROOT/lib/modules/$1/updates/dkms/$2.ko*"
}

modules_exist() {
	local module

	for module in $OUR_MODULES $TEST_MODULES $CLIENT_MODULE; do
		module_file "$1" "$module" >/dev/null && continue
		echo "$1 has no $module.ko"
		return 1
	done
}

# header_version: prints the version in version.h
header_version() {
	echo HMM_MIRROR_VERSION_STRING | gcc -E -P -x c -include "$TREE/include/hmm/version.h" - |
		tr -d '" '
}

# The version of the modules is that of the header, and depmod knows that the client
# needs hmm_mirror.
modinfo_matches() {
	local release module version header

	header=$(header_version)
	for release in "${RELEASES[@]}"; do
		for module in $OUR_MODULES test_hmm; do
			version=$(in_chroot modinfo -k "$release" -F version "$module")
			[ "$version" = "$header" ] && continue
			echo "$release: the version of $module is \"$version\", not $header"
			return 1
		done
		grep -E "^updates/dkms/$CLIENT_MODULE\.ko[.a-z]*: updates/dkms/hmm_mirror\.ko[.a-z]*\$" \
			"$ROOT/lib/modules/$release/modules.dep" && continue
		echo "$release: depmod did not record that $CLIENT_MODULE.ko needs only hmm_mirror.ko"
		return 1
	done
}

# checksums_match: with CONFIG_MODVERSIONS, the client has a checksum of each function
# that it calls. It must be the one in our Module.symvers.
checksums_match() {
	local release symvers calls

	for release in "${RELEASES[@]}"; do
		symvers=$(in_chroot cat "/var/lib/dkms/hmm-mirror/kernel-$release-x86_64/dev/Module.symvers" |
			awk '{ print $1, $2 }' | sort) || return
		calls=$(in_chroot modprobe --dump-modversions "$(module_file "$release" "$CLIENT_MODULE" | sed "s|^$ROOT||")" |
			awk '$2 ~ /^hmm_/ { print $1, $2 }' | sort)
		[ -n "$calls" ] || {
			echo "$release: $CLIENT_MODULE.ko calls nothing of hmm_mirror"
			return 1
		}
		diff <(comm -12 <(echo "$symvers") <(echo "$calls")) <(echo "$calls") || return
	done
}

# example_builds: follows README.Debian of hmm-mirror-dev
example_builds() {
	local release

	for release in "${RELEASES[@]}"; do
		rm -rf "$ROOT/tmp/example"
		cp -r "$ROOT/usr/share/doc/hmm-mirror-dev/examples/template" "$ROOT/tmp/example"
		in_chroot make -C /tmp/example KDIR="/lib/modules/$release/build" || return
		[ -e "$ROOT/tmp/example/hmm_template.ko" ] || return
	done
	rm -rf "$ROOT/tmp/example"
}

# tools_run: hmmtop has the version of the header, and both tools accept an input. The
# guest runs hmmtop with the driver of the client.
tools_run() {
	local stats='id=1 since_ns=1 pid=412 name=mirrored state=running mirrors=1'

	in_chroot hmmtop --version
	in_chroot hmmtop --version | grep -qF " $(header_version)" || {
		echo "the version of hmmtop is not $(header_version)"
		return 1
	}
	in_chroot sh -c "echo '$stats' >/tmp/stats && hmmtop --once --file /tmp/stats" |
		grep mirrored || return
	ls "$ROOT/usr/share/man/man8/hmmtop.8.gz" || return
	in_chroot awk -f /usr/share/hmm-mirror-tools/timeline.awk \
		<"$TREE/tools/timeline/sample.trace" | grep '</svg>'
}

# kernel_added VERSION: removes all modules of the last kernel and runs the hook that
# runs when its headers are installed
kernel_added() {
	local release=${RELEASES[-1]} module

	for module in "$CLIENT/1.0" "hmm-mirror-tests/$1" "hmm-mirror/$1"; do
		in_chroot dkms uninstall "$module" -k "$release" &&
			in_chroot dkms unbuild "$module" -k "$release" || return
	done
	! modules_exist "$release" || return
	in_chroot run-parts --verbose --exit-on-error --arg="$release" /etc/kernel/header_postinst.d || return
	all_built "$1"
}

modules_copy() {
	local module file extra=$WORK_DIR/extra libraries

	mkdir "$extra"
	for module in $OUR_MODULES test_hmm $CLIENT_MODULE; do
		file=$(module_file "${RELEASES[-1]}" "$module") || {
			echo "${RELEASES[-1]} has no $module.ko"
			return 1
		}
		# The guest's insmod cannot load a compressed module.
		case $file in
		*.xz) xz -dc "$file" ;;
		*) cat "$file" ;;
		esac >"$extra/$module.ko" || return
	done
	gcc -O2 -Wall -Werror -static -o "$extra/read" "$DEB_DIR/read.c" || return
	# The guest has no C library for hmmtop.
	libraries=$(in_chroot ldd /usr/sbin/hmmtop | grep -o '/[^ ]*') || return
	for file in /usr/sbin/hmmtop $libraries; do
		in_chroot cat "$file" >"$extra/${file##*/}" || return
	done
	mv "$extra"/ld-linux*.so.* "$extra/ld.so" && chmod +x "$extra/ld.so" || return
	cp "$DEB_DIR/guest" "$extra/run"
}

# client_is_newer: the trigger of the client's package has run in the upgrade
client_is_newer() {
	local release file

	for release in "${RELEASES[@]}"; do
		file=$(module_file "$release" "$CLIENT_MODULE")
		[ "$file" -nt "$ROOT/packages/began" ] && continue
		echo "$file is older than the upgrade"
		return 1
	done
}

remove_packages() {
	in_chroot apt-get remove -y "${PACKAGES[@]}"
}

# apt-get knows no package that is removed and had no configuration.
purge_packages() {
	in_chroot dpkg --purge "${PACKAGES[@]}"
}

no_modules() {
	[ -z "$(in_chroot dkms status)" ] || {
		in_chroot dkms status
		return 1
	}
	! find "$ROOT/lib/modules" -name '*.ko*' -path '*/updates/*' | grep .
}

no_files() {
	snapshot | diff "$WORK_DIR/before" -
}

guest_run() {
	EXTRA=$WORK_DIR/extra KERNEL=stock-${SERIES##* } TEST='' CASE='' SUITE='' ARCH='' "$LAB" test
}
