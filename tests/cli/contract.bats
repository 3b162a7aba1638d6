# SPDX-License-Identifier: GPL-2.0-or-later
# What holds for every tool and script, whatever it does.
# shellcheck disable=SC2154 # capture and for_tools set them
load ../lib/cli

# Long options that --help names. Those in the help of vps are of its verbs, which have pages.
options_of() {
	[ "$1" != vps ] || { printf '%s\n' help version && return; }
	"$BUILD/$1" --help | grep -oE '(^|[ ,|[])--[a-z][a-z-]*' | grep -oE '[a-z][a-z-]*' | sort -u
}

# Tools whose status is the command's use 125 for themselves.
wrong_use() {
	case $1 in
	chcontext | vps-config | vps-enter) echo 125 ;;
	*) echo 2 ;;
	esac
}

help_is_shown() {
	capture "$BUILD/$1" --help
	expect "exit 0" [ "$status" -eq 0 ] &&
		expect "help on stdout" [ -n "$output" ] &&
		expect "nothing on stderr" [ -z "$errors" ]
}

version_is_shown() {
	capture "$BUILD/$1" --version
	expect "exit 0" [ "$status" -eq 0 ] &&
		expect "'$1 VERSION'" grep -qE "^$1 [0-9]+(\.[0-9]+)+\$" "$BATS_TEST_TMPDIR/out" &&
		expect "one line" one_line "$output" &&
		expect "nothing on stderr" [ -z "$errors" ]
}

unknown_option_is_refused() {
	capture "$BUILD/$1" --no-such-option
	expect "exit $(wrong_use "$1")" [ "$status" -eq "$(wrong_use "$1")" ] &&
		expect "one line on stderr" one_line "$errors" &&
		expect "the tool and the option in it" \
			grep -q "^$1: .*--no-such-option" "$BATS_TEST_TMPDIR/err" &&
		expect "nothing on stdout" [ -z "$output" ]
}

control_bytes_are_harmless() {
	capture "$BUILD/$1" $'--no-such\noption\033[31m'
	expect "failure" [ "$status" -ne 0 ] &&
		expect "one line on stderr" one_line "$errors" &&
		expect "no escape sequence" [ "${errors#*$'\033'}" = "$errors" ]
}

full_disk_is_a_failure() {
	for option in --help --version; do
		status=0 output=
		errors=$("$BUILD/$1" "$option" 2>&1 >/dev/full) || status=$?
		expect "failure of $option" [ "$status" -ne 0 ] || return
		expect "a reason" [ -n "$errors" ] || return
	done
}

closed_stdout_is_a_failure() {
	status=0 output=
	errors=$("$BUILD/$1" --help 2>&1 >&-) || status=$?
	expect "failure" [ "$status" -ne 0 ]
}

has_man_page() {
	for section in NAME SYNOPSIS DESCRIPTION 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
		grep -qx "\.Sh $section" "$SRC/man/$1.8" ||
			{ echo "$1: no $section in man/$1.8" && return 1; }
	done
}

options_are_in_man_page() {
	missing=
	for option in $(options_of "$1"); do
		grep -qE "Fl (\\\\?-)$option( |,|$)" "$SRC/man/$1.8" || missing="$missing --$option"
	done
	[ -z "$missing" ] || { echo "man/$1.8 lacks$missing" && return 1; }
}

# Asks the completion, as the shell does.
options_are_completed() {
	missing=
	words=$(
		cur=--
		# shellcheck disable=SC1091,SC2034 # of the build; it is read there
		. "$BUILD/etc/bash-completion/vps"
		_vps_options "$1"
		printf ' %s' "${COMPREPLY[@]}"
	)
	for option in $(options_of "$1"); do
		case "$words " in
		*" --$option "*) ;;
		*) missing="$missing --$option" ;;
		esac
	done
	[ -z "$missing" ] || { echo "completion of $1 lacks$missing" && return 1; }
}

@test "contract: there are tools to look at" {
	for name in chcontext vkill vlimit vps vps-config vps-enter vps-init vps-stat; do
		tools | grep -qx "$name" || { echo "$name is not built" && return 1; }
	done
}

@test "contract: --help is on stdout alone, exit 0" {
	for_tools help_is_shown
}

@test "contract: --version is one line, exit 0" {
	for_tools version_is_shown
}

@test "contract: an unknown option is refused in one line" {
	for_tools unknown_option_is_refused
}

@test "contract: control bytes of an argument do not reach the terminal" {
	for_tools control_bytes_are_harmless
}

@test "contract: output to a full disk is a failure" {
	requires full
	for_tools full_disk_is_a_failure
}

@test "contract: output to a closed stdout is a failure" {
	for_tools closed_stdout_is_a_failure
}

@test "contract: every tool has a man page with the sections it must have" {
	for_tools has_man_page
}

@test "contract: every option is in the man page" {
	for_tools options_are_in_man_page
}

@test "contract: every option is completed" {
	for_tools options_are_completed
}
