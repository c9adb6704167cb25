//! The list of the grammars' files. Whoever adds a program adds its name.

/// Takes each file of `grammars/` into the binary, by its name.
macro_rules! files {
    ($($name:literal)*) => { &[$(($name, include_str!(concat!("../../grammars/", $name, ".toml")))),*] };
}

/// The files, by name, in order; a test compares the list with the folder.
pub(super) const FILES: &[(&str, &str)] = files! {
    "7z" "accounts" "acpi" "actionlint" "ag" "ansible-config" "ansible-doc" "ansible-galaxy" "ansible-inventory" "ansible-lint"
    "ansible-playbook" "ansible" "apcaccess" "apk" "apt-cache" "apt-file" "apt-mark" "apt" "arcstat" "argocd" "arp" "arping" "auditctl"
    "avahi-browse" "awk" "aws" "az" "base64" "basename" "bat" "bc" "birdc" "blkid" "blockdev" "bootctl" "borg" "brctl" "brew" "bridge"
    "btrfs" "cal" "cargo" "cat" "cd" "ceph-volume" "ceph" "chage" "checkbashisms" "chronyc" "cilium" "cloc" "codespell" "column" "comm"
    "command" "conda" "conntrack" "corosync-cmapctl" "corosync" "cpio" "cpupower" "crictl" "crontab" "cryptsetup" "ctr" "curl" "cut" "date"
    "debsums" "df" "diff" "diff3" "dig" "dmesg" "dmidecode" "dmsetup" "dnf" "dnsmasq" "docker-compose" "docker" "dpkg" "du" "e2label"
    "ebtables" "echo" "edac-util" "efibootmgr" "etcdctl" "ethtool" "expand" "exportfs" "expr" "eza" "fail2ban-client" "fd" "fdisk" "file"
    "filefrag" "files" "find" "findmnt" "firewall-cmd" "flatpak" "flux" "fold" "fping" "free" "fsck" "fuser" "gcloud" "gdisk" "gem" "getcap"
    "getent" "getfacl" "gh" "git" "glab" "go" "gofmt" "gpg" "grep" "gron" "gzip" "ha-manager" "hdparm" "head" "helm" "helmfile" "host"
    "hostname" "hostnamectl" "hubble" "hwclock" "iconv" "id" "ifconfig" "incus" "interpreters" "inxi" "ip" "ipcalc" "ipmitool" "ipset"
    "iptables-save" "iptables" "ipvsadm" "iscsiadm" "istioctl" "iw" "join" "journalctl" "jq" "just" "k3s" "k9s" "kill" "kind" "kopia"
    "kube-linter" "kubeadm" "kubeconform" "kubectl" "kubectx" "kustomize" "last" "linters" "lldpcli" "locale" "localectl" "locate"
    "loginctl" "logrotate" "losetup" "ls" "lsattr" "lsblk" "lscpu" "lshw" "lsmod" "lsns" "lsof" "lspci" "lsscsi" "lvcreate" "lvm"
    "lvmconfig" "lvs" "lz4" "mailq" "make" "man" "markdownlint" "mdadm" "modinfo" "modprobe" "mokutil" "mongosh" "mount" "mtr" "multipath"
    "multipathd" "mysql" "mysqladmin" "named-checkconf" "named-checkzone" "namei" "nc" "needrestart" "netstat" "networkctl" "nfsiostat"
    "nfsstat" "nft" "nginx" "nl" "nmcli" "nomad" "npm" "ntpq" "ntpstat" "numactl" "numastat" "numfmt" "nvidia-smi" "nvme" "od" "openssl"
    "ovs-vsctl" "packer" "pacman" "parted" "partprobe" "partx" "passwd" "paste" "pct" "pg_isready" "pg_lsclusters" "pgrep" "pihole" "ping"
    "pip" "pmap" "postqueue" "pr" "printf" "promtool" "proxmox-backup-client" "proxmox-backup-manager" "proxmox-boot-tool" "ps" "psql"
    "pstree" "pulumi" "pve-firewall" "pveam" "pveceph" "pvecm" "pvenode" "pveperf" "pvesh" "pvesm" "pvesr" "pveum" "pveversion" "pwd"
    "python" "qm" "qmrestore" "quota" "rados" "radosgw-admin" "rbd" "rclone" "readelf" "realpath" "recipes" "redis-cli" "resize2fs"
    "resolvectl" "restic" "rfkill" "rg" "route" "rpcinfo" "rpm-ostree" "rpm" "rsnapshot" "ruff" "sanoid" "sar" "sdiff" "secrets" "sed"
    "sensors" "seq" "service" "sfdisk" "sg_inq" "sgdisk" "sha256sum" "shellcheck" "shells" "showmount" "shuf" "skopeo" "sleep" "smartctl"
    "smbstatus" "snap" "sops" "sort" "split" "sqlite3" "ss" "ssh-keygen" "sshd" "stat" "stern" "storcli" "strings" "swapon" "sysctl"
    "systemctl" "systemd-analyze" "systemd-cgls" "systemd-cgtop" "systemd-detect-virt" "systemd-resolve" "tac" "tailscale" "talosctl" "tar"
    "targetcli" "tc" "terraform" "test" "testparm" "timedatectl" "tmux" "tokei" "top" "tr" "traceroute" "tree" "true" "tune2fs" "type"
    "udevadm" "ufw" "ulimit" "umount" "uname" "unbound-control" "uniq" "unzip" "update-alternatives" "upsc" "uptime" "usb-devices" "vault"
    "velero" "versions" "virsh" "visudo" "vmstat" "vnstat" "vtysh" "vzdump" "wc" "wg" "whatis" "who" "whois" "wipefs" "wrappers" "xfs_admin"
    "xfs_info" "xmllint" "xxd" "yamllint" "yq" "zcat" "zdb" "zfs" "zipinfo" "zpool" "zypper"
};
