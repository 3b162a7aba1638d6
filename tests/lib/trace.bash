# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034 # bats's own variables
# Where a test is, noted in less time. Before each command bats copies its whole stack item by
# item: three quarters of what an emulated machine did in a test was that. Here it is one string, and
# the stack is made of it when a test has failed. What is said then is the same, see
# tests/cli/trace.bats.

# As these are called in bats 1.8; where they are not, all stays as it is.
if declare -F bats_debug_trap bats_error_trap bats_get_failure_stack_trace >/dev/null &&
	[ "${BATS_TRACE_LEVEL:-0}" -eq 0 ]; then

	# In its own files, and in this one, nothing of a test can fail.
	bats_debug_trap() {
		[[ $1 != "$BATS_ROOT"/* && $1 != */lib/trace.bash &&
			-z ${BATS_INTERRUPTED-}${BATS_TIMED_OUT-} ]] || return 0
		trace_before=$trace_last
		trace_last="${BASH_LINENO[*]}|${FUNCNAME[*]:1}|${BASH_SOURCE[*]:1}"
	}

	# Noted before this trap, too, is where it was set off, with some commands: then it is the
	# command before that failed.
	bats_error_trap() {
		bats_check_status_from_trap
		[[ -n $BATS_DEBUG_LAST_STACK_TRACE_IS_VALID ||
			"${BASH_LINENO[*]}|${FUNCNAME[*]:1}|${BASH_SOURCE[*]:1}" != "$trace_last" ]] ||
			trace_last=$trace_before
		BATS_DEBUG_LAST_STACK_TRACE_IS_VALID=1
	}

	# bats_get_failure_stack_trace ARRAY: "LINE FUNCTION FILE" of each call, the innermost first, up
	# to the test.
	bats_get_failure_stack_trace() {
		local -n trace_stack=$1
		local lines functions sources i
		trace_stack=()
		[ -n "$BATS_DEBUG_LAST_STACK_TRACE_IS_VALID" ] || trace_last=$trace_before
		IFS='|' read -r lines functions sources <<<"$trace_last"
		read -ra lines <<<"$lines"
		read -ra functions <<<"$functions"
		read -ra sources <<<"$sources"
		for i in "${!functions[@]}"; do
			trace_stack+=("${lines[i]} ${functions[i]} ${sources[i]}")
			case ${functions[i]} in
			"${BATS_TEST_NAME-}" | setup | teardown | setup_file | teardown_file) break ;;
			esac
		done
	}
fi
