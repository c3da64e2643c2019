#!/bin/sh
# Links what scriptc made into a static program, with gcc and musl alone.
set -eu
cc=${CC:-gcc}
musl=${MUSL_LIB:-/usr/lib/x86_64-linux-musl}
n=$#
while [ "$n" -gt 0 ]; do
	arg=$1
	shift
	n=$((n - 1))
	case $arg in
	-target) shift; n=$((n - 1)) ;; # clang's
	-target=* | --target=* | -pthread | -l*) ;; # all of it is in musl's libc
	*) set -- "$@" "$arg" ;;
	esac
done
exec "$cc" -static -no-pie -nostdlib -nostartfiles -L"$musl" \
	"$musl/crt1.o" "$musl/crti.o" "$("$cc" -print-file-name=crtbeginT.o)" \
	"$@" \
	-Wl,--start-group -lc -lgcc -lgcc_eh -Wl,--end-group \
	"$("$cc" -print-file-name=crtend.o)" "$musl/crtn.o"
