#!/bin/bash
# User data of an EC2 instance that pulls under docker.company.com by its instance role.
set -euo pipefail
exec > >(tee /var/log/ecr-cname-setup.log) 2>&1

url=https://files.company.com/ecr-cname-0.1.0-linux-x64.tar.gz
sum=0000000000000000000000000000000000000000000000000000000000000000

# What the programs need besides glibc.
if command -v dnf >/dev/null; then
  dnf install --assumeyes --quiet libatomic
else
  apt-get update --quiet=2
  apt-get install --quiet=2 --yes --no-install-recommends ca-certificates curl libatomic1
fi

# ECR_CNAME_MAP would do for one shell; this is for every user and daemon.
install -D -m 0644 /dev/stdin /etc/ecr-cname/config.json <<'EOF'
{ "registries": { "docker.company.com": "123456789012.dkr.ecr.us-east-1.amazonaws.com" } }
EOF

cd "$(mktemp -d)"
curl --fail --silent --show-error --location --proto '=https' --retry 5 --output archive "$url"
echo "$sum  archive" | sha256sum --check --quiet
tar -xzf archive
cp -P --remove-destination ./*/*ecr-cname /usr/local/bin

export HOME=/root
ecr-cname setup docker --yes
ecr-cname doctor docker.company.com
