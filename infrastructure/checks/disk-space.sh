#!/usr/bin/env -S bash --noprofile --norc
# Says how full the root file system is. Exit 1 from the limit on. Changes nothing.
set -Eeuo pipefail

limit_percent=90
used_percent=$(df --output=pcent / | tail -n 1 | tr -dc '0-9')

echo "/ is ${used_percent}% full, the limit is ${limit_percent}%"
if ((used_percent >= limit_percent)); then
  exit 1
fi
