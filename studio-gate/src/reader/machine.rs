//! Reads of machines: talosctl, and the tools of Proxmox and ZFS.

use super::Reader;

/// Options of talosctl that may stand before the verb and after it.
pub(super) const TALOSCTL: &str = "-n:NAME --nodes:NAME --context:NAME";

/// Resources of Talos that hold no secrets, and a name of one.
const TALOS_RESOURCES: &str = "members|member|affiliates|nodename|nodestatus|hostname|hostnamestatus|machinestatus|machinestatuses|services|svc|\
    disks|disk|systemdisk|systemdisks|discoveredvolumes|dv|volumestatus|volumestatuses|mountstatus|mounts|blockdevices|links|link|addresses|\
    routes|resolvers|timeservers|timestatus|extensions|kubespanpeerstatuses|etcdmembers|kernelmodulespecs|loadedkernelmodules|pcidevices|\
    memorymodules|processors|systeminformation|version|staticpodstatus|manifeststatuses|securitystate|diagnostics|rd|namespaces NAME?";

pub(super) const READERS: &[Reader] = &[
    Reader {
        program: "talosctl",
        verbs: &["get"],
        options: &[TALOSCTL, "-o:json|yaml|table|jsonpath=* --output:json|yaml|table|jsonpath=*"],
        words: TALOS_RESOURCES,
        refused: &[],
        yes: &["talosctl -n cp-1 get members", "talosctl get disks -o yaml", "talosctl get links eth0"],
        no: &[
            "talosctl get machineconfig -o yaml",
            "talosctl get mc",
            "talosctl get osrootsecrets",
            "talosctl get members -w",
            "talosctl get members -i",
            "talosctl get",
        ],
    },
    Reader {
        program: "talosctl",
        verbs: &["health"],
        options: &[TALOSCTL, "--wait-timeout:TIME --server=false"],
        words: "",
        refused: &[],
        yes: &["talosctl -n cp-1 health --wait-timeout 30s"],
        no: &["talosctl health --run-e2e", "talosctl health now"],
    },
    Reader {
        program: "talosctl",
        verbs: &[
            "version",
            "containers",
            "disks",
            "processes",
            "stats",
            "memory",
            "time",
            "mounts",
            "dmesg",
            "services",
            "etcd members",
            "etcd status",
            "etcd alarm list",
            "image list",
        ],
        options: &[TALOSCTL, "--client --short -k --kubernetes --tail -v --verbose --namespace:system|cri|inmem"],
        words: "",
        refused: &[],
        yes: &[
            "talosctl version --client",
            "talosctl -n cp-1 dmesg --tail",
            "talosctl -n cp-1 services",
            "talosctl etcd members -n cp-1",
            "talosctl image list",
        ],
        no: &[
            "talosctl dmesg -f",
            "talosctl dmesg --follow",
            "talosctl processes --watch",
            "talosctl etcd leave",
            "talosctl etcd snapshot x",
            "talosctl image pull x",
            "talosctl read /etc/os-release",
        ],
    },
    Reader {
        program: "talosctl",
        verbs: &["service"],
        options: &[TALOSCTL],
        words: "NAME? status?",
        refused: &[],
        yes: &["talosctl service", "talosctl -n cp-1 service etcd status", "talosctl service kubelet"],
        no: &["talosctl service kubelet restart", "talosctl service kubelet stop", "talosctl service etcd status now"],
    },
    Reader {
        program: "talosctl",
        verbs: &["logs"],
        options: &[TALOSCTL, "--tail:NUMBER -k --kubernetes"],
        words: "NAME",
        refused: &[],
        yes: &["talosctl -n cp-1 logs kubelet --tail 50"],
        no: &["talosctl logs kubelet -f", "talosctl logs kubelet --follow", "talosctl logs"],
    },
    Reader {
        program: "qm",
        verbs: &["list", "status"],
        options: &["--verbose --full"],
        words: "NUMBER?",
        refused: &[],
        yes: &["qm list", "qm status 101"],
        no: &["qm start 101", "qm status 101 102", "qm config 101", "qm status x"],
    },
    Reader {
        program: "pct",
        verbs: &["list", "status"],
        options: &["--verbose"],
        words: "NUMBER?",
        refused: &[],
        yes: &["pct list", "pct status 200"],
        no: &["pct start 200", "pct status 200 x"],
    },
    Reader {
        program: "pvesm",
        verbs: &["status", "list"],
        options: &["--vmid:NUMBER --content:NAME --enabled"],
        words: "NAME?",
        refused: &[],
        yes: &["pvesm status", "pvesm list local-lvm"],
        no: &["pvesm free local-lvm:vm-1", "pvesm remove local-lvm"],
    },
    Reader {
        program: "pvecm",
        verbs: &["status", "nodes"],
        options: &[],
        words: "",
        refused: &[],
        yes: &["pvecm status"],
        no: &["pvecm expected 1", "pvecm delnode pve2", "pvecm status --x"],
    },
    Reader {
        program: "zpool",
        verbs: &["status", "list"],
        options: &["-v -x -H -P"],
        words: "NAME?",
        refused: &[],
        yes: &["zpool status -v", "zpool list tank"],
        no: &["zpool scrub tank", "zpool status tank 5 5", "zpool status -c x", "zpool -v destroy tank"],
    },
    Reader {
        program: "zfs",
        verbs: &["list"],
        options: &["-t:NAME -o:NAME -r -H -p"],
        words: "NAME*",
        refused: &[],
        yes: &["zfs list -t snapshot", "zfs list tank/data"],
        no: &["zfs destroy tank", "zfs snapshot tank@a", "zfs list -t"],
    },
    Reader {
        program: "zfs",
        verbs: &["get"],
        options: &["-r -H -p -o:NAME -s:NAME -t:NAME"],
        words: "NAME NAME*",
        refused: &[],
        yes: &["zfs get compression tank/data"],
        no: &["zfs set compression=on tank", "zfs get"],
    },
];
