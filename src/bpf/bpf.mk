# SPDX-License-Identifier: GPL-2.0-or-later
# The programs as a header of libvps: $(O)/bpf/NAME.skel.h. Needs clang and bpftool, and
# nothing of the running kernel. Included by the Makefile after O, CC and say are set.

CLANG ?= clang
BPFTOOL ?= bpftool
# The same programs wherever they are built: the library knows them by their hash. v3: atomic operations that return what was there before, Linux 5.12.
BPF_CFLAGS ?= -O2 -mcpu=v3 -fdebug-prefix-map=$(CURDIR)=.
BPF_WARN := -Wall -Wextra
# <linux/types.h> wants <asm/types.h>, which some distributions keep per architecture.
BPF_INCLUDE := -Isrc/bpf -idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null)

$(O)/bpf/%.o: src/bpf/%.bpf.c src/bpf/bpf.mk
	@mkdir -p $(@D)
	$(call say,CLANG,$@)$(CLANG) -target bpf -g $(BPF_CFLAGS) $(BPF_WARN) $(BPF_INCLUDE) \
		-MMD -MP -MT $@ -c -o $@ $<

# Linking an object alone drops what is only for debuggers. Administrators' tools may
# not be in a user's PATH.
$(O)/bpf/%.skel.h: $(O)/bpf/%.o
	$(call say,SKEL,$@)PATH="$$PATH:/usr/sbin:/sbin"; \
		$(BPFTOOL) gen object $(@:.skel.h=.linked.o) $< && \
		$(BPFTOOL) gen skeleton $(@:.skel.h=.linked.o) name $*_bpf >$@.tmp && mv $@.tmp $@

# By which the library knows its programs from those of another build.
$(O)/bpf/%.build.h: $(O)/bpf/%.skel.h
	$(call say,GEN,$@)printf '#define %s_BUILD "%.16s"\n' $(shell echo $* | tr a-z A-Z) \
		"$$(sha256sum <$(@:.build.h=.linked.o))" >$@

$(O)/libvps/bpf.o: $(O)/bpf/vps.skel.h
$(O)/libvps/net.o: $(O)/bpf/net.skel.h $(O)/bpf/net.build.h
$(O)/libvps/guard.o: $(O)/bpf/vnet.skel.h $(O)/bpf/vnet.build.h

-include $(O)/bpf/vps.d $(O)/bpf/net.d $(O)/bpf/vnet.d
