# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Commands and what they print, as README.md and the pages show them: taken out, run, compared.
#
# What is run: in Markdown the blocks that begin with "```console", in a page those of its EXAMPLES
# (.Bd -literal). A line that begins with "# " is a command; what follows, to the next one or to the
# end of the block, is all that it prints.
#
# What is the same: every line and every word, in their order; only how many spaces stand between
# two words is the machine's. In a table's columns that tell use, traffic or time ($tour_measured)
# a number is as good as another, and a time as another; everywhere else digits are digits.

tour_measured='PROC VSZ RSS userTIME sysTIME UPTIME USED PEAK IN OUT'

# tour_split DIR FILE...: writes DIR/NNN.run, a command, and DIR/NNN.shown for each, in their order.
tour_split() {
	awk -v dir="$1" '
		FNR == 1 { block = examples = 0; page = FILENAME !~ /\.md$/ }
		page && /^\.Sh / { examples = $2 == "EXAMPLES" }
		page ? examples && /^\.Bd -literal/ : /^```console$/ { block = 1; name = ""; next }
		page ? /^\.Ed/ : /^```$/ { block = 0 }
		!block { next }
		page { gsub(/\\&/, ""); gsub(/\\-/, "-"); gsub(/\\e/, "\\") }
		/^# / {
			name = sprintf("%s/%03d", dir, ++count)
			print substr($0, 3) >(name ".run")
			printf "" >(name ".shown")
			next
		}
		name == "" {
			print FILENAME ":" FNR ": printed by no command" >"/dev/stderr"
			exit 1
		}
		{ print >(name ".shown") }
	' "${@:2}"
}

# What of a text is compared.
tour_said() {
	awk -v measured=" $tour_measured " '
		function is_head(  i) {
			for (i = 1; i <= NF; i++)
				if ($i !~ /^[A-Z_]+$/ && $i !~ /^(user|sys)TIME$/)
					return 0
			return NF > 1
		}
		is_head() {
			split("", any)
			for (i = 1; i <= NF; i++)
				any[i] = index(measured, " " $i " ")
			$1 = $1
			print
			next
		}
		{
			for (i = 1; i <= NF; i++) {
				if (any[i] && $i ~ /^[0-9]+(\.[0-9])?[KMGTP]?$/)
					$i = "<number>"
				else if (any[i] && $i ~ /^([0-9]+[dhm])+[0-9]+(s[0-9]+)?$/)
					$i = "<time>"
			}
			$1 = $1
			print
		}
	' "$1"
}

# tour_same SHOWN PRINTED: says what differs.
tour_same() {
	diff -u --label shown --label printed <(tour_said "$1") <(tour_said "$2")
}
