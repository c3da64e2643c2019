#!/bin/sh
# Links what scriptc made into a static program, with gcc and its own C library.
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
exec "${CC:-gcc}" -static "$@"
