#!/usr/bin/env -S bash --noprofile --norc
# studio:danger v1
# verb: wipe-worker
# class: destroy
# targets: talos-node
# params: node:enum(worker-1|worker-2|worker-3)
# env: none
# reads: none
# undo: none
# expect: the node is NotReady within 180s, every other node stays Ready
#
# Wipes the state and the data of one worker. The node must be empty and cordoned before.
# In this sample lab there are no workers: the script prints the command and runs nothing.
set -Eeuo pipefail

if (($# != 1)); then
  echo "usage: danger-wipe-worker.sh worker-1|worker-2|worker-3 (exactly one)" >&2
  exit 2
fi

case "$1" in
  worker-1) address=192.0.2.31 ;;
  worker-2) address=192.0.2.32 ;;
  worker-3) address=192.0.2.33 ;;
  *)
    echo "refused: '$1' is no worker of this lab" >&2
    exit 2
    ;;
esac

echo "wipe $1 at $address"
echo "talosctl --nodes $address reset --graceful --reboot=false --system-labels-to-wipe STATE --system-labels-to-wipe EPHEMERAL"
