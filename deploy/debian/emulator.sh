# Lets the kernel run programs of another architecture in this shell's lifetime: `emulate arm64 FOLDER`, where FOLDER is a
# root with Debian's qemu-user (arm.sh makes one). Programs then run as on the oldest processor that the packages are for.
emulate() {
    local name
    case "$1" in
    arm64) name=aarch64; export QEMU_CPU=cortex-a53 ;; # Pi 3, Zero 2 W
    armhf) name=arm; export QEMU_CPU=cortex-a7 ;;      # Pi 2
    *) echo "there is no emulator for $1" >&2; return 2 ;;
    esac
    local kernel=/proc/sys/fs/binfmt_misc line=$2/usr/share/qemu/binfmt.d/qemu-$name.conf
    [ -e "$line" ] || { echo "there is no emulator in $2; deploy/debian/arm.sh makes it" >&2; return 2; }
    [ -e $kernel/register ] || mount -t binfmt_misc none $kernel
    emulated=$kernel/sotto-$1
    [ ! -e "$emulated" ] || echo -1 >"$emulated"
    # :name:M:offset:magic:mask:interpreter:flags; its flag F opens the interpreter now, so that a chroot needs none of its own.
    sed "s#^:[^:]*:\(.*\):[^:]*:\([^:]*\)\$#:sotto-$1:\1:$(realpath "$2")/usr/bin/qemu-$name:\2#" "$line" >$kernel/register
}
no_longer() { [ -z "${emulated:-}" ] || echo -1 >"$emulated"; }
