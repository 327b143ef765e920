# SPDX-License-Identifier: GPL-2.0
# What a user types. The modules themselves are described by Kbuild.

KDIR ?= /lib/modules/$(shell uname -r)/build
LAB := tools/testing/vm/lab

.DEFAULT_GOAL := modules

export HMM_CACHE KERNEL TEST CASE SUITE SEED V BENCH_OUT DOCS_OUT MODEL MUTANT FRESH WHOLE

# What the modules need of the kernel is asked once, of KDIR, and only by the
# goals that build against it.
ifneq ($(filter modules install modules_install,$(or $(MAKECMDGOALS),modules)),)
  KERNEL_RELEASE := $(shell cat $(KDIR)/include/config/kernel.release 2>/dev/null)
  KERNEL_CONFIG := $(firstword $(wildcard $(KDIR)/include/config/auto.conf $(KDIR)/.config))
  ifeq ($(KERNEL_RELEASE),)
    $(error $(KDIR) is not a kernel build directory: install the headers of the running kernel ("apt-get install linux-headers-$(shell uname -r)" on Debian) or pass KDIR=<kernel build directory>)
  endif
  ifeq ($(KERNEL_CONFIG),)
    $(error $(KDIR) holds no kernel configuration: configure that kernel and run "make modules_prepare" there, or pass another KDIR=)
  endif

  release-words := $(subst ., ,$(subst -, ,$(KERNEL_RELEASE)))
  release-major := $(word 1,$(release-words))
  release-minor := $(word 2,$(release-words))
  supported := $(shell [ "$(release-major)" -ge 5 ] && [ "$(release-major)" -le 7 ] && \
		       { [ "$(release-major)" -gt 5 ] || [ "$(release-minor)" -ge 10 ]; } && echo y)
  ifneq ($(supported),y)
    $(error Linux $(KERNEL_RELEASE) is not supported: hmm-mirror builds on 5.10 to 7.x; pass the KDIR= of such a kernel)
  endif

  config-has = $(shell grep -qx '$(1)=y' $(KERNEL_CONFIG) && echo y)
  ifneq ($(call config-has,CONFIG_64BIT),y)
    $(error Linux $(KERNEL_RELEASE) in $(KDIR) is a 32-bit kernel: hmm-mirror needs a 64-bit one (CONFIG_64BIT=y))
  endif
  ifneq ($(call config-has,CONFIG_MMU_NOTIFIER),y)
    $(error Linux $(KERNEL_RELEASE) in $(KDIR) is built without CONFIG_MMU_NOTIFIER: enable it (KVM selects it) and rebuild that kernel, or pass the KDIR= of another one)
  endif
endif

kbuild = $(MAKE) -C $(KDIR) M=$(CURDIR)

modules:
	+$(kbuild) modules

# Below the kernel's directory a relative path would mean another place.
ifneq ($(INSTALL_MOD_PATH),)
  override INSTALL_MOD_PATH := $(abspath $(INSTALL_MOD_PATH))
endif
MODLIB := $(INSTALL_MOD_PATH)/lib/modules/$(KERNEL_RELEASE)

# The kernel's own modules_install runs depmod only where System.map lies,
# which header packages leave out.
install: modules
	@mkdir -p "$(MODLIB)" 2>/dev/null && [ -w "$(MODLIB)" ] || { \
		echo "hmm-mirror: cannot write to $(MODLIB): run make install as root, or pass INSTALL_MOD_PATH=<directory>" >&2; \
		exit 1; \
	}
	+$(kbuild) INSTALL_MOD_PATH="$(INSTALL_MOD_PATH)" modules_install
	@if [ -z "$(INSTALL_MOD_PATH)" ]; then \
		depmod -a $(KERNEL_RELEASE); \
	elif [ -e "$(MODLIB)/modules.order" ]; then \
		depmod -a -b "$(INSTALL_MOD_PATH)" $(KERNEL_RELEASE); \
	else \
		echo "depmod skipped: $(INSTALL_MOD_PATH) holds no other modules of $(KERNEL_RELEASE)"; \
	fi

modules_install: install

# Needs no kernel, so that a tree can be cleaned where its headers are gone.
clean:
	@find . \( -path ./.git -o -path ./tools \) -prune -o -type f \
		\( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
		   -o -name '.*.cmd' -o -name '.*.d' -o -name '*.a' -o -name 'modules.order' \
		   -o -name 'Module.symvers' -o -name '*.gcno' \) -exec rm -f {} +
	@rm -rf .tmp_versions docs-out
	@$(MAKE) -s -C tools/testing/selftests/hmm clean

demo:
	@scripts/install-deps build lab
	@$(LAB) demo

test:
	@scripts/install-deps build lab
	@$(LAB) test

matrix:
	@scripts/install-deps build lab
	@KERNEL="$${KERNEL:-$$($(LAB) list matrix)}" $(LAB) test

shell:
	@scripts/install-deps build lab
	@$(LAB) shell

bench:
	@scripts/install-deps build lab bench
	@$(LAB) bench

mutants:
	@scripts/install-deps build lab
	@$(LAB) mutants

selftest:
	@scripts/install-deps lab
	@$(LAB) selftest

check:
	@scripts/install-deps build lab check docs
	@scripts/check

docs:
	@scripts/install-deps docs
	@scripts/docs

model:
	@scripts/install-deps model
	@scripts/model

help:
	@echo 'Build against a kernel:'
	@echo '  make           build hmm_mirror.ko and test_hmm.ko (also: make modules)'
	@echo '  make install   install both below /lib/modules, as root, and run depmod'
	@echo '  make clean     remove what was built in this tree'
	@echo
	@echo 'In a virtual machine (these install what they need, as root, with apt):'
	@echo '  make demo      a program that shows mirroring at work'
	@echo '  make test      the kselftests; ends with "N passed, N failed, N skipped"'
	@echo '  make matrix    the same on every kernel: $(shell $(LAB) list matrix)'
	@echo '  make bench     figures beside those of the kernel'"'"'s own HMM, and plots'
	@echo '  make shell     a shell in the machine, modules loaded'
	@echo '  make mutants   put in one mistake after another, and see that a test fails'
	@echo '  make selftest  whether this machine emulates one correctly; test does it once'
	@echo
	@echo 'On the sources:'
	@echo '  make check     W=1, sparse, checkpatch, kernel-doc, shellcheck, layering'
	@echo '  make docs      the documentation as HTML, with the API reference and search'
	@echo '  make model     the model of the protocol: it holds, and breaks without any of its rules'
	@echo
	@echo 'Variables:'
	@echo '  KDIR=dir              kernel build directory; now $(KDIR)'
	@echo '  INSTALL_MOD_PATH=dir  install below this directory instead of /'
	@echo '  V=1                   show the commands that build'
	@echo '  KERNEL="name ..."     kernels of test, demo, bench and shell: $(shell $(LAB) list)'
	@echo '                        ($(shell $(LAB) list test) for test, $(shell $(LAB) list demo) for the others)'
	@echo '  SEED=n                the seed of oracle_test, diff_test and property_test'
	@echo '  SUITE=own|upstream    run only our tests, or only the hmm-tests of the kernel'"'"'s source;'
	@echo '                        without it both, the latter on kernels with device memory'
	@echo '  TEST=glob             run only the test programs that match, e.g. TEST="mirror*"'
	@echo '  CASE="glob ..."       run only the cases that match, e.g. CASE="r12_*"'
	@echo '  BENCH_OUT=dir         where bench leaves bench.json and its plots; bench-out'
	@echo '  DOCS_OUT=dir          where docs writes its pages; docs-out'
	@echo '  MUTANT=glob           only the mutants that match, e.g. MUTANT="core/dispatch*";'
	@echo '                        FRESH=1 forgets earlier results, WHOLE=1 runs the whole'
	@echo '                        suite on what the named tests miss'
	@echo '  MODEL=glob            check only the configurations or mutants that match'
	@echo '  HMM_CACHE=dir         where kernels and builds are kept; now $(shell $(LAB) cache)'
	@echo '  HMM_CPUS, HMM_MEM     CPUs and memory of the machine; 2 and 5G'
	@echo '  HMM_QEMU=program      the QEMU to use; without it the machine'"'"'s own, or a newer'
	@echo '                        one if that cannot emulate several CPUs without fault'
	@echo '  HMM_TIMEOUT=seconds   how long a machine may be silent before it counts as hung; 1800'

.PHONY: modules install modules_install clean demo test matrix shell bench mutants selftest check docs model help
