# SPDX-License-Identifier: GPL-2.0-or-later
# The system call filters as a header of libvps: $(O)/filter/filter.h, written by a program that
# is built for and run on the building machine. Included by the Makefile after LINK is set.

$(O)/filter/make-filter: src/filter/make-filter.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,CC,$@)$(COMPILE) $(LDHARDEN) $(LDFLAGS) -o $@ $< $(SECCOMP_LIBS)

$(O)/filter/filter.h: $(O)/filter/make-filter
	$(call say,GEN,$@)$< >$@.tmp && mv $@.tmp $@

$(O)/libvps/filter.o: $(O)/filter/filter.h

-include $(O)/filter/make-filter.d
