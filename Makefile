# SPDX-License-Identifier: GPL-2.0
# The commands of this tree. Kbuild describes the modules.

KDIR ?= /lib/modules/$(shell uname -r)/build
LAB := tools/testing/vm/lab

.DEFAULT_GOAL := modules

# make and Kbuild split words at blanks.
ifneq ($(words $(CURDIR)),1)
  ifneq ($(or $(MAKECMDGOALS),modules),help)
    $(error the path of this tree, "$(CURDIR)", contains blanks: move the tree to a path without them)
  endif
endif

export HMM_CACHE KERNEL TEST CASE SUITE SEED EXTRA V BENCH_OUT TIMELINE_OUT DOCS_OUT DEB_OUT DEB_VERSION GUEST MODEL MUTANT FRESH WHOLE

# Check once whether the modules can be built against the kernel in KDIR. The
# other goals do not use KDIR.
ifneq ($(filter modules install install-test install-dev modules_install,$(or $(MAKECMDGOALS),modules)),)
  # Debian's headers of 6.1 have another string in kernel.release.
  KERNEL_RELEASE := $(shell sed -n 's/^.define UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h 2>/dev/null)
  KERNEL_CONFIG := $(firstword $(wildcard $(KDIR)/include/config/auto.conf $(KDIR)/.config))
  ifeq ($(KERNEL_RELEASE),)
    $(error $(KDIR) is not a kernel build directory: install the headers of the running kernel ("apt-get install linux-headers-$(shell uname -r)" on Debian) or pass KDIR=<kernel build directory>)
  endif
  ifeq ($(KERNEL_CONFIG),)
    $(error $(KDIR) has no kernel configuration: configure that kernel and run "make modules_prepare" there, or pass another KDIR=)
  endif

  release-words := $(subst ., ,$(subst -, ,$(KERNEL_RELEASE)))
  release-major := $(word 1,$(release-words))
  release-minor := $(word 2,$(release-words))
  supported := $(shell [ "$(release-major)" -ge 5 ] && [ "$(release-major)" -le 7 ] && \
		       { [ "$(release-major)" -gt 5 ] || [ "$(release-minor)" -ge 10 ]; } && echo y)
  ifneq ($(supported),y)
    $(error Linux $(KERNEL_RELEASE) is not supported: hmm-mirror supports 5.10 to 7.x; pass KDIR= of such a kernel)
  endif

  config-has = $(shell grep -qx '$(1)=y' $(KERNEL_CONFIG) && echo y)
  ifneq ($(call config-has,CONFIG_64BIT),y)
    $(error Linux $(KERNEL_RELEASE) in $(KDIR) is a 32-bit kernel: hmm-mirror needs a 64-bit kernel (CONFIG_64BIT=y))
  endif
  ifneq ($(call config-has,CONFIG_MMU_NOTIFIER),y)
    $(error Linux $(KERNEL_RELEASE) in $(KDIR) is built without CONFIG_MMU_NOTIFIER: enable it (KVM selects it) and rebuild that kernel, or pass KDIR= of another one)
  endif
endif

kbuild = $(MAKE) -C $(KDIR) M=$(CURDIR)

modules:
	+$(kbuild) modules

# make splits words at blanks, and Kbuild runs in the kernel's directory, where a
# relative path would be wrong.
ifneq ($(INSTALL_MOD_PATH),)
  ifneq ($(words $(INSTALL_MOD_PATH)),1)
    $(error INSTALL_MOD_PATH="$(INSTALL_MOD_PATH)" contains blanks: pass a path without them)
  endif
  override INSTALL_MOD_PATH := $(abspath $(INSTALL_MOD_PATH))
endif
MODLIB := $(INSTALL_MOD_PATH)/lib/modules/$(KERNEL_RELEASE)
DEVDIR := $(INSTALL_MOD_PATH)/usr/src/hmm-mirror

# can-write DIRECTORY
define can-write
	@mkdir -p "$(1)" 2>/dev/null && [ -w "$(1)" ] || { \
		echo "hmm-mirror: cannot write to $(1): run make $@ as root, or pass INSTALL_MOD_PATH=<directory>" >&2; \
		exit 1; \
	}
endef

# install-modules "DIRECTORY ...": installs the modules of these directories. Kbuild
# can only install all modules, so it installs to .install, from which the selected
# ones are copied. Its modules_install runs depmod only if there is a System.map,
# which header packages lack.
define install-modules
	$(call can-write,$(MODLIB))
	@rm -rf .install
	+$(kbuild) INSTALL_MOD_PATH="$(CURDIR)/.install" DEPMOD=true modules_install
	@cd .install/lib/modules/* && for dir in $(1); do \
		for modules in */$$dir; do \
			mkdir -p "$(MODLIB)/$$modules" && cp "$$modules"/* "$(MODLIB)/$$modules/" || exit; \
			echo "installed $(MODLIB)/$$modules"; \
		done \
	done
	@rm -rf .install
	@if [ -z "$(INSTALL_MOD_PATH)" ]; then \
		depmod -a $(KERNEL_RELEASE); \
	elif [ -e "$(MODLIB)/modules.order" ]; then \
		depmod -a -b "$(INSTALL_MOD_PATH)" $(KERNEL_RELEASE); \
	else \
		echo "depmod skipped: $(INSTALL_MOD_PATH) has no other modules of $(KERNEL_RELEASE)"; \
	fi
endef

install: modules
	$(call install-modules,src/core src/dropin)

install-test: modules
	$(call install-modules,src/test_hmm)

# Installs the files that drivers are built against. The old directory is removed,
# because a newer version may have fewer headers.
install-dev: modules
	$(call can-write,$(DEVDIR))
	@rm -rf "$(DEVDIR)/$(KERNEL_RELEASE)"
	@mkdir -p "$(DEVDIR)/$(KERNEL_RELEASE)/include"
	@cp -r include/hmm "$(DEVDIR)/$(KERNEL_RELEASE)/include/"
	@cp Module.symvers "$(DEVDIR)/$(KERNEL_RELEASE)/"
	@echo $(KERNEL_RELEASE) >"$(DEVDIR)/$(KERNEL_RELEASE)/kernel.release"
	@ln -sfn $(KERNEL_RELEASE) "$(DEVDIR)/default"
	@echo "installed $(DEVDIR)/$(KERNEL_RELEASE); the link \"default\" next to it points to it"

modules_install: install

# hmmtop does not depend on the kernel.
tools:
	+$(MAKE) -C tools/hmmtop

install-tools:
	+$(MAKE) -C tools/hmmtop install

# Does not use kbuild, so it works even if the kernel headers have been removed.
clean:
	@find . \( -path ./.git -o -path ./tools \) -prune -o -type f \
		\( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
		   -o -name '.*.cmd' -o -name '.*.d' -o -name '*.a' -o -name '*.order' \
		   -o -name 'Module.symvers' -o -name '*.gcno' \) -exec rm -f {} +
	@rm -rf .tmp_versions .install docs-out deb-out
	@$(MAKE) -s -C tools/testing/selftests/hmm clean
	@$(MAKE) -s -C tools/hmmtop clean

demo:
	@$(LAB) arguments demo
	@scripts/install-deps build lab
	@$(LAB) demo

test:
	@$(LAB) arguments test
	@scripts/install-deps build lab
	@$(LAB) test

kdir:
	@$(LAB) arguments kdir
	@scripts/install-deps lab
	@$(LAB) kdir "$(KERNEL)"

matrix:
	@$(LAB) arguments matrix
	@scripts/install-deps build lab
	@MATRIX=1 KERNEL="$${KERNEL:-$$($(LAB) list matrix)}" $(LAB) test

drivers:
	@$(LAB) arguments drivers
	@scripts/install-deps build lab
	@$(LAB) drivers

shell:
	@$(LAB) arguments shell
	@scripts/install-deps build lab
	@$(LAB) shell

bench:
	@$(LAB) arguments bench
	@scripts/install-deps build lab bench
	@$(LAB) bench

timeline:
	@$(LAB) arguments timeline
	@scripts/install-deps build lab
	@$(LAB) timeline

mutants:
	@$(LAB) arguments mutants
	@scripts/install-deps build lab
	@$(LAB) mutants

selftest:
	@$(LAB) arguments selftest
	@scripts/install-deps lab
	@$(LAB) selftest

check:
	@scripts/install-deps build lab check docs
	@scripts/check

docs:
	@scripts/install-deps docs
	@scripts/docs

deb:
	@scripts/install-deps build docs deb
	@scripts/deb

deb-test:
	@scripts/install-deps build lab docs deb chroot
	@tools/testing/deb/run

model:
	@scripts/install-deps model
	@scripts/model

help:
	@echo 'Build against a kernel:'
	@echo '  make               build the modules (also: make modules)'
	@echo '  make install       install hmm_mirror.ko and hmm_mirror_dropin.ko below /lib/modules, as root,'
	@echo '                     and run depmod'
	@echo '  make install-test  the same for test_hmm.ko'
	@echo '  make install-dev   install headers and Module.symvers for drivers below'
	@echo '                     /usr/src/hmm-mirror, as root'
	@echo '  make tools         build hmmtop, which shows the mirrored processes'
	@echo '  make install-tools install hmmtop and its manual page below /usr/local, as root;'
	@echo '                     PREFIX= and DESTDIR= select another place'
	@echo '  make clean         remove build products, docs-out and deb-out from this tree'
	@echo
	@echo 'In a virtual machine (as root: missing packages are installed with apt):'
	@echo '  make demo      run a program that shows step by step how mirroring works'
	@echo '  make test      run the kselftests; the last line is "N passed, N failed, N skipped"'
	@echo '  make matrix    run them on more kernels: $(shell $(LAB) list matrix)'
	@echo '  make bench     compare the performance with the kernel'"'"'s own HMM, and write plots'
	@echo '  make timeline  trace the demo, or your own driver, and draw what happens over time'
	@echo '  make shell     start a shell in the virtual machine, with the modules loaded'
	@echo '  make kdir KERNEL=name'
	@echo '                 print the directory to build a driver against for this kernel'
	@echo '  make drivers   compile drivers of the kernel'"'"'s source with the drop-in headers; nothing boots'
	@echo '  make mutants   break the code in many ways, and check that a test fails each time'
	@echo '  make selftest  check that QEMU emulates several CPUs correctly; without KVM, make test'
	@echo '                 does this once for each version of QEMU'
	@echo
	@echo 'On the sources:'
	@echo '  make check     run all static checks: warnings, sparse, style, spelling, documentation'
	@echo '  make docs      build the documentation as HTML, with the API reference and search'
	@echo '  make deb       build the Debian packages hmm-mirror-dkms, -dev, -tools, -tests'
	@echo '                 and -doc'
	@echo '  make deb-test  test the packages in a clean chroot, and the modules of DKMS in the'
	@echo '                 virtual machine; as root'
	@echo '  make model     check the model of the protocol, with all rules and with each one broken'
	@echo
	@echo 'Variables:'
	@echo '  KDIR=dir              kernel build directory; now $(KDIR)'
	@echo '  INSTALL_MOD_PATH=dir  install below this directory instead of /'
	@echo '  V=1                   show the commands of the build'
	@echo '  KERNEL=name           kernel: $(shell $(LAB) list);'
	@echo '                        test, matrix and drivers accept several names. Defaults: for test,'
	@echo '                        $(shell $(LAB) list test); for matrix, see above;'
	@echo '                        for the others, $(shell $(LAB) list demo) (some mutants name another one)'
	@echo '  ARCH=arm64            select kernels for arm64, cross-built and emulated; defaults: for test,'
	@echo '                        $(shell ARCH=arm64 $(LAB) list test)'
	@echo '  SEED=n                seed of oracle_test, diff_test and property_test'
	@echo '  SUITE=own|upstream|dropin'
	@echo '                        run only our tests, only hmm-tests of the kernel source on our'
	@echo '                        test_hmm, or only hmm-tests on the test_hmm of the kernel source,'
	@echo '                        which then uses our module; by default all, the last two on'
	@echo '                        kernels with device memory, dropin not on debug kernels, and on'
	@echo '                        stock kernels only in make matrix'
	@echo '  TEST=glob             run only matching test programs, e.g. TEST="fork*"'
	@echo '  CASE="glob ..."       run only matching cases, e.g. CASE="r12_*"'
	@echo '  EXTRA=dir             copy this directory to /extra in the guest, for a driver of your own.'
	@echo '                        make test then runs only its program "run", on stock-6.12 by default;'
	@echo '                        make timeline runs it instead of the demo'
	@echo '  BENCH_OUT=dir         output directory of bench; bench-out'
	@echo '  TIMELINE_OUT=dir      output directory of timeline; timeline-out'
	@echo '  DOCS_OUT=dir          output directory of docs; docs-out'
	@echo '  DEB_OUT=dir           output directory of deb; deb-out'
	@echo '  DEB_VERSION=version   version of the packages, instead of that of the tree'
	@echo '  GUEST=no              deb-test does not boot the virtual machine'
	@echo '  MUTANT=glob           run only matching mutants, e.g. MUTANT="core/dispatch*";'
	@echo '                        FRESH=1 discards earlier results, WHOLE=1 runs all tests on'
	@echo '                        mutants that their own tests do not detect'
	@echo '  MODEL=glob            check only matching configurations or options of the model'
	@echo '  HMM_CACHE=dir         cache of kernels and builds; now $(shell $(LAB) cache)'
	@echo '  HMM_CPUS=n            number of CPUs of the virtual machine; 2 (bench always uses 1, 2 and 4)'
	@echo '  HMM_MEM=size          memory of the virtual machine; 5G, which is also the minimum'
	@echo '                        (2G for bench, without a minimum)'
	@echo '  HMM_QEMU=program      QEMU; by default the installed one, or a newer one from Debian if'
	@echo '                        the installed one cannot emulate several CPUs correctly'
	@echo '  HMM_TIMEOUT=seconds   a machine without output for this long is considered hung; 1800'

.PHONY: modules install install-test install-dev modules_install tools install-tools clean demo test kdir matrix drivers shell bench timeline mutants selftest check docs deb deb-test model help
