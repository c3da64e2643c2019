# The first process of a world (see world.ts): lays out what the clients see, says its process id as
# the machine counts it, and stays until its standard input ends, which it does however the test
# does. The kernel ends every process of a world with its first one, and its mounts after them.
set -eu
read -r pid _ </proc/self/stat

mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/home /run/tmp
for folder in /etc /usr/local; do
  mkdir -p /run"$folder"/new /run"$folder"/work
  mount -t overlay overlay "$folder" \
    -o lowerdir="$folder",upperdir=/run"$folder"/new,workdir=/run"$folder"/work
done
rm -f /etc/resolv.conf
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
ip link set lo up

echo "$pid"
cat >/dev/null

# Control groups are the one thing an engine makes that is the whole machine's.
kill -KILL -1 2>/dev/null || :
for group in /sys/fs/cgroup/world-"$pid" /sys/fs/cgroup/*/world-"$pid"; do
  [ -d "$group" ] || continue
  tries=0
  # It is busy until the last of its processes has gone.
  until find "$group" -depth -type d -exec rmdir {} + || [ $((tries += 1)) -gt 20 ]; do
    sleep 0.1
  done
done
