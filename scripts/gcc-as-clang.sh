#!/bin/sh
# gcc under clang's name, for a compiler driver that asks for clang alone.
set -eu
n=$#
while [ "$n" -gt 0 ]; do
	arg=$1
	shift
	n=$((n - 1))
	case $arg in
	-target) shift; n=$((n - 1)) ;; # clang's
	-target=* | --target=*) ;;
	*) set -- "$@" "$arg" ;;
	esac
done
exec "${CC:-gcc}" "$@"
