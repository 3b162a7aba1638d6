# SPDX-License-Identifier: GPL-2.0-or-later
# FreeVPS. "make help" lists the targets.

VERSION := 2.0.0
SOVERSION := 2

V ?= 0
SAN ?= 0
WERROR ?= 0
O ?= $(if $(filter 1,$(SAN)),build-san,build)
say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' $(1) $(2);)

PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
PKGLIBDIR ?= $(LIBDIR)/vps
COMPLETIONS := $(DATADIR)/bash-completion/completions

CC ?= cc
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
WARN += $(if $(filter 1,$(WERROR)),-Werror)
ifeq ($(SAN),1)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
HARDEN = $(SANITIZE) -fno-omit-frame-pointer -fPIE
LDHARDEN = $(SANITIZE) -pie
else
HARDEN ?= -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fPIE
LDHARDEN ?= $(if $(HARDEN),-pie -Wl$(comma)-z$(comma)relro$(comma)-z$(comma)now)
endif
comma := ,

# What only writes text or removes files needs no library.
quiet_goals := help clean dist doc lint uninstall deb rpm install-kernel-patch
ifneq ($(filter-out $(quiet_goals),$(or $(MAKECMDGOALS),all)),)
PKGS := popt libcap libseccomp libbpf jansson libnl-3.0 sqlite3 ncursesw
hint := "scripts/dev/install-deps build" installs what the build needs
ifeq ($(shell command -v $(PKG_CONFIG)),)
$(error $(PKG_CONFIG): not found; $(hint))
endif
missing := $(strip $(foreach p,$(PKGS),$(shell $(PKG_CONFIG) --exists $(p) || echo $(p))))
ifneq ($(missing),)
$(error $(missing): not known to $(PKG_CONFIG); $(hint))
endif
# What curses asks of the C library is less than we do.
PKG_CFLAGS := $(filter-out -D_XOPEN_SOURCE=% -D_DEFAULT_SOURCE,$(shell $(PKG_CONFIG) --cflags $(PKGS)))
LIB_LIBS := $(shell $(PKG_CONFIG) --libs libcap libbpf libnl-3.0 sqlite3)
SECCOMP_LIBS := $(shell $(PKG_CONFIG) --libs libseccomp)
CLI_LIBS := $(shell $(PKG_CONFIG) --libs popt jansson ncursesw)
STATIC_LIBS := $(shell $(PKG_CONFIG) --static --libs $(filter-out libseccomp,$(PKGS)))
# A tool that has no libraries to find starts in half the time, and one that looks after a
# broken host needs none. Without the static libraries the tools are linked as usual.
can_static = $(shell echo 'int main(void) { return 0; }' | $(CC) -static-pie -x c -o /dev/null - \
	-Wl,--no-as-needed $(STATIC_LIBS) 2>/dev/null && echo 1)
STATIC ?= $(if $(filter 1,$(SAN)),,$(can_static))
STATIC := $(STATIC)
# libnl can look names up, which a static program cannot; we never ask it to.
QUIET := $(shell echo 'int main(void) { return 0; }' | $(CC) -Wl,--no-warnings -x c -o /dev/null - \
	2>/dev/null && echo -Wl,--no-warnings)
endif

CPPFLAGS += -D_GNU_SOURCE -DVPS_VERSION='"$(VERSION)"' \
	-DVPS_INIT_PATH='"$(PKGLIBDIR)/vps-init"' -Isrc/libvps -Isrc/cli -I$(abspath $(O)) \
	-Ikernel/overlay/include/uapi $(PKG_CFLAGS)
COMPILE = $(CC) $(CPPFLAGS) $(CFLAGS) $(WARN) $(HARDEN) -MMD -MP
LINK = $(CC) $(CFLAGS) $(LDHARDEN) $(LDFLAGS) -Wl,--as-needed
LINK_STATIC = $(LINK:-pie=-static-pie) $(QUIET) $(if $(LDHARDEN),,-static)
LINK_TOOL = $(if $(filter 1,$(STATIC)),$(LINK_STATIC),$(LINK))
TOOL_LIBS = $(if $(filter 1,$(STATIC)),$(STATIC_LIBS),$(CLI_LIBS) $(LIB_LIBS))

objects = $(patsubst src/%.c,$(O)/%.o,$(wildcard src/$(1)/*.c))
LIB_OBJS := $(call objects,libvps)
CLI_OBJS := $(call objects,cli)
TOOL_OBJS := $(call objects,tools)
TOOLS := $(patsubst $(O)/tools/%.o,$(O)/%,$(TOOL_OBJS))
SOLIB := $(O)/libvps.so.$(VERSION)
UNIT_SRCS := $(wildcard tests/unit/test_*.c)
UNIT := $(patsubst tests/unit/%.c,$(O)/unit/%,$(UNIT_SRCS))
# What tests of the tools read.
MAKE_LEDGER := $(O)/unit/make_ledger
BENCH := $(patsubst tests/bench/%.c,$(O)/bench/%,$(wildcard tests/bench/*.c))
FUZZ := $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_OBJS := $(patsubst $(O)/%,$(O)/fuzz/%,$(LIB_OBJS) $(CLI_OBJS)) $(O)/fuzz/files.o

SCRIPTS := $(patsubst scripts/%,$(O)/%,$(wildcard scripts/vps*))
ETC := $(patsubst %,$(O)/%,$(shell find etc -type f))
PC := $(O)/libvps.pc

.DELETE_ON_ERROR:
.SECONDARY:

all: $(TOOLS) $(SCRIPTS) $(ETC) $(O)/libvps.so $(PC)

# ---- compiling ---------------------------------------------------------------

-include src/bpf/bpf.mk
include src/filter/filter.mk

DIRS := $(sort $(O) $(O)/unit $(O)/bench $(O)/fuzz $(O)/shared \
	$(patsubst %/,%,$(dir $(LIB_OBJS) $(CLI_OBJS) $(TOOL_OBJS) $(ETC) $(FUZZ_OBJS))))
$(DIRS):
	@mkdir -p $@

# Rewritten only when a flag changed; all objects depend on it.
quoted = '$(subst ','\'',$(1))'
$(O)/flags: FORCE | $(O)
	@printf '%s\n' $(call quoted,$(COMPILE) $(LINK_TOOL)) | cmp -s - $@ || \
		printf '%s\n' $(call quoted,$(COMPILE) $(LINK_TOOL)) >$@

$(LIB_OBJS): PIC := -fPIC
$(LIB_OBJS) $(CLI_OBJS) $(TOOL_OBJS): $(O)/%.o: src/%.c $(O)/flags | $(DIRS)
	$(call say,CC,$@)$(COMPILE) $(PIC) -c -o $@ $<

$(O)/libvps.a: $(LIB_OBJS)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(O)/libcli.a: $(CLI_OBJS)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(SOLIB): $(LIB_OBJS) src/libvps/libvps.sym
	$(call say,LD,$@)$(LINK:-pie=) -shared -Wl,-soname,libvps.so.$(SOVERSION) \
		-Wl,--version-script=src/libvps/libvps.sym -o $@ $(LIB_OBJS) $(LIB_LIBS)
	@ln -sf $(@F) $(O)/libvps.so.$(SOVERSION)

$(O)/libvps.so: $(SOLIB)
	@ln -sf libvps.so.$(SOVERSION) $@

# The first process of a VPS runs in trees that may hold no library at all: it is static,
# and what is static cannot carry the sanitizers.
ifeq ($(SAN),1)
$(O)/tools/vps-init.o: HARDEN := -fstack-protector-strong
endif
$(O)/vps-init: $(O)/tools/vps-init.o
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $^

$(filter-out $(O)/vps-init,$(TOOLS)): $(O)/%: $(O)/tools/%.o $(O)/libcli.a $(O)/libvps.a
	$(call say,LD,$@)$(LINK_TOOL) -o $@ $^ $(TOOL_LIBS)

# As a distribution may link them: where the VPS's own loader and libraries run in a tool,
# attempts to escape have more to work with.
SHARED := $(O)/shared/chcontext $(O)/shared/vps-enter
$(SHARED): $(O)/shared/%: $(O)/tools/%.o $(O)/libcli.a $(O)/libvps.a | $(DIRS)
	$(call say,LD,$@)$(LINK) -o $@ $^ $(CLI_LIBS) $(LIB_LIBS)

$(UNIT) $(MAKE_LEDGER): $(O)/unit/%: tests/unit/%.c $(O)/libcli.a $(O)/libvps.a $(O)/flags | $(DIRS)
	$(call say,CC,$@)$(COMPILE) -Itests/lib -Itests/unit $(LDHARDEN) $(LDFLAGS) -o $@ \
		$(filter %.c %.a,$^) $(CLI_LIBS) $(LIB_LIBS)

$(O)/bench/ledger $(O)/bench/counts: $(O)/libvps.a
$(BENCH): $(O)/bench/%: tests/bench/%.c $(O)/flags | $(DIRS)
	$(call say,CC,$@)$(COMPILE) $(LDHARDEN) $(LDFLAGS) -o $@ $(filter %.c %.a,$^) \
		$(if $(filter %.a,$^),$(LIB_LIBS))

# ---- text with paths in it -----------------------------------------------------

subst = sed -e 's|@SBINDIR@|$(SBINDIR)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' \
	-e 's|@PKGLIBDIR@|$(PKGLIBDIR)|g' \
	-e 's|@DATADIR@|$(DATADIR)|g' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|g' \
	-e 's|@PREFIX@|$(PREFIX)|g' -e 's|@VERSION@|$(VERSION)|g'

$(SCRIPTS): $(O)/%: scripts/% $(O)/flags
	$(call say,GEN,$@)$(subst) $< >$@.tmp && chmod 755 $@.tmp && mv $@.tmp $@

$(ETC): $(O)/%: % $(O)/flags | $(DIRS)
	$(call say,GEN,$@)$(subst) $< >$@

$(PC): src/libvps/libvps.pc.in $(O)/flags
	$(call say,GEN,$@)$(subst) $< >$@

# ---- installing: mode, file, place -------------------------------------------

install_as = $(foreach f,$(2),$(1):$(f):$(3)/$(notdir $(f)))
section = $(foreach n,1 2 3 5 7 8,$(call install_as,644,$(wildcard man/*.$(n)),$(MANDIR)/man$(n)))
etc_of = $(filter $(O)/etc/$(1)/%,$(ETC))
INSTALLED := \
	$(call install_as,755,$(filter-out $(O)/vps-init,$(TOOLS)),$(SBINDIR)) \
	$(call install_as,755,$(filter-out %.sh,$(SCRIPTS)),$(SBINDIR)) \
	$(call install_as,755,$(filter $(O)/vps-init,$(TOOLS)),$(PKGLIBDIR)) \
	$(call install_as,644,$(filter %.sh,$(SCRIPTS)),$(PKGLIBDIR)) \
	$(call install_as,755,$(SOLIB),$(LIBDIR)) \
	$(call install_as,644,$(O)/libvps.a,$(LIBDIR)) \
	$(call install_as,644,$(PC),$(LIBDIR)/pkgconfig) \
	$(call install_as,644,src/libvps/vps.h,$(INCLUDEDIR)) \
	$(call section) \
	$(call install_as,644,$(call etc_of,bash-completion),$(COMPLETIONS)) \
	$(call install_as,644,$(call etc_of,systemd),$(UNITDIR)) \
	$(call install_as,755,$(call etc_of,init.d),$(SYSCONFDIR)/init.d) \
	$(call install_as,644,$(call etc_of,cron.d),$(SYSCONFDIR)/cron.d) \
	$(call install_as,644,$(call etc_of,logrotate.d),$(SYSCONFDIR)/logrotate.d) \
	$(call install_as,644,$(filter $(O)/etc/vps.conf,$(ETC)),$(DATADIR)/vps)
# Completions are loaded by the name of the command.
LINKS := $(foreach l,libvps.so.$(SOVERSION) libvps.so,libvps.so.$(VERSION):$(LIBDIR)/$(l)) \
	$(foreach c,$(filter-out vps vps-init %.sh,$(notdir $(TOOLS) $(SCRIPTS))),vps:$(COMPLETIONS)/$(c))

install: all
	@for f in $(INSTALLED); do \
		mode=$${f%%:*}; f=$${f#*:}; \
		install -D -m $$mode "$${f%%:*}" "$(DESTDIR)$${f#*:}" || exit 1; \
	done
	@for l in $(LINKS); do ln -sf "$${l%%:*}" "$(DESTDIR)$${l#*:}" || exit 1; done
	@install -d -m 755 "$(DESTDIR)$(SYSCONFDIR)/vservers"
	@install -d -m 700 "$(DESTDIR)/var/lib/vservers"
	@printf 'installed in %s\n' "$(DESTDIR)$(PREFIX)"

# Configurations and trees stay.
uninstall:
	@for f in $(INSTALLED); do rm -f "$(DESTDIR)$${f##*:}"; done
	@for l in $(LINKS); do rm -f "$(DESTDIR)$${l#*:}"; done
	@if [ -d "$(DESTDIR)$(PKGLIBDIR)" ]; then rmdir "$(DESTDIR)$(PKGLIBDIR)"; fi

# ---- checking ----------------------------------------------------------------

# LeakSanitizer turns exit codes of die-paths into its own; the unit tests keep it.
RUN := BUILD=$(abspath $(O)) V=$(V) scripts/dev/run-tests
SAN_CLI := ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0

check: check-unit check-cli

check-unit: $(UNIT)
	@$(RUN) unit $(UNIT)

check-cli: all $(O)/bench/tree $(MAKE_LEDGER)
	@$(SAN_CLI) $(RUN) cli $(wildcard tests/cli/*.bats)

check-system: all $(SHARED)
	@$(SAN_CLI) $(RUN) system $(wildcard tests/system/*.bats tests/escape/*.bats)

build-bench: all $(BENCH)

-include kernel/kernel.mk

# Virtual machines with kernels of their own.
-include tests/vm/vm.mk

bench: build-bench
	@BUILD=$(abspath $(O)) tests/bench/life
	@BUILD=$(abspath $(O)) tests/bench/many
	@BUILD=$(abspath $(O)) tests/bench/limits
	@BUILD=$(abspath $(O)) tests/bench/disk
	@BUILD=$(abspath $(O)) tests/bench/net
	@BUILD=$(abspath $(O)) tests/bench/traffic
	@BUILD=$(abspath $(O)) tests/bench/kernel
	@BUILD=$(abspath $(O)) tests/bench/bonnie

bench-all: build-bench
	@BUILD=$(abspath $(O)) tests/bench/all

lint:
	@scripts/dev/lint

# Each target for FUZZ_TIME seconds, beginning with the corpus beside it; "make check-fuzz" is the
# corpus and FUZZ_RUNS inputs more. Where clang has no libFuzzer, it is the corpus alone.
FUZZ_TIME ?= 20
FUZZ_RUNS ?= 3000
SANITIZERS := address,undefined -fno-sanitize-recover=all
has_libfuzzer = $(shell echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | \
	clang -fsanitize=fuzzer,$(SANITIZERS) -x c -o /dev/null - 2>/dev/null && echo 1)
# Asked once, and only by who builds them.
FUZZ_CC = $(eval FUZZ_CC := $(if $(has_libfuzzer),clang -fsanitize=fuzzer$(comma)$(SANITIZERS),\
	$(CC) -fsanitize=$(SANITIZERS)))$(FUZZ_CC)
# What fuzz_file() stands before.
wrapped := $(patsubst %,-Wl$(comma)--wrap=%,open openat fopen statx readlink fgetxattr fsetxattr setgroups)
compile_fuzz = $(subst =fuzzer$(comma),=fuzzer-no-link$(comma),$(FUZZ_CC)) $(CPPFLAGS) \
	-Itests/fuzz -g -O1 -MMD -MP -c

$(FUZZ_OBJS) $(FUZZ:=.o) $(O)/fuzz/driver.o: $(O)/flags | $(DIRS) $(O)/filter/filter.h \
	$(foreach p,vps net vnet,$(O)/bpf/$(p).skel.h) $(foreach p,net vnet,$(O)/bpf/$(p).build.h)
$(O)/fuzz/%.o: src/%.c
	$(call say,CC,$@)$(compile_fuzz) -o $@ $<
$(O)/fuzz/%.o: tests/fuzz/%.c
	$(call say,CC,$@)$(compile_fuzz) -o $@ $<
$(O)/fuzz/libfuzz.a: $(FUZZ_OBJS)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^
$(FUZZ): $(O)/fuzz/%: $(O)/fuzz/%.o $(O)/fuzz/driver.o $(O)/fuzz/libfuzz.a
	$(call say,LD,$@)$(FUZZ_CC) $(wrapped) -o $@ $< \
		$(if $(findstring fuzzer,$(FUZZ_CC)),,$(O)/fuzz/driver.o) $(O)/fuzz/libfuzz.a \
		$(CLI_LIBS) $(LIB_LIBS)

fuzz: $(FUZZ)
	@for f in $(FUZZ); do \
		mkdir -p $$f.corpus && \
		$$f -max_total_time=$(FUZZ_TIME) -print_final_stats=1 $$f.corpus \
			tests/fuzz/corpus/$${f##*/} || exit 1; \
	done

build-fuzz: $(FUZZ)

check-fuzz: $(FUZZ)
	@FUZZ_TARGETS="$(abspath $(FUZZ))" FUZZ_RUNS=$(FUZZ_RUNS) $(RUN) fuzz tests/fuzz/run

doc:
	@scripts/dev/doc $(abspath $(O))/doc

dist:
	@scripts/dev/make-dist $(O)

# Of HEAD, in $(O)/deb and $(O)/rpm.
deb rpm: dist
	@scripts/dev/make-$@ $(O)/freevps-$(VERSION).tar.gz $(O)/$@

# Into a fresh Debian: root, minutes.
check-packages: all deb rpm
	@$(RUN) packages $(wildcard tests/packages/*.bats)

clean:
	rm -rf $(O)

help:
	@printf '%s\n' \
	'make                 tools, scripts and libvps in $$(O)' \
	'make install         DESTDIR=, PREFIX=/usr/local, LIBDIR=, SYSCONFDIR=, UNITDIR=' \
	'make uninstall       removes what install put there; configurations and trees stay' \
	'make check           unit tests and tests of the tools; no root' \
	'make check-system    tests that start VPSes, attempts to escape; root' \
	'make vm-quick        the system tests in virtual machines; vm-check, soak: more of them; qemu' \
	'make kernel-patch    the patch of Linux in $$(O)/kernel; kernel-check: is it in order' \
	'make kernel          a package of a patched kernel; KERNEL_CONFIG=/boot/config-...  RPM=1' \
	'make bench           times against other programs, with bars; root; bench-all: into a page' \
	'make lint            layers, formatting, shell, pages' \
	'make fuzz            FUZZ_TIME=20 seconds for each target; check-fuzz: FUZZ_RUNS=3000 inputs' \
	'make doc             the pages as HTML in $$(O)/doc; mandoc' \
	'make dist            source archive of HEAD, with the patch of Linux in it' \
	'make deb             Debian packages of it in $$(O)/deb; make rpm: others in $$(O)/rpm' \
	'make check-packages  both, installed into a fresh Debian and used there; root' \
	'make clean' \
	'O=DIR  V=1  WERROR=1  SAN=1 (address and undefined, in build-san)  CC=  CFLAGS=  HARDEN=' \
	'STATIC=0 (tools with shared libraries; static where the libraries can be)'

-include $(patsubst %.o,%.d,$(LIB_OBJS) $(CLI_OBJS) $(TOOL_OBJS)) $(UNIT:=.d) $(MAKE_LEDGER).d $(BENCH:=.d) \
	$(FUZZ_OBJS:.o=.d) $(FUZZ:=.d)

FORCE:
.PHONY: all install uninstall check check-unit check-cli check-system build-bench bench bench-all lint \
	fuzz build-fuzz check-fuzz doc dist deb rpm check-packages clean help FORCE
