/**
 * Shell function (socket, seconds, bytes) that sends standard input to a Unix socket and prints what comes back until
 * the other side closes, as whoever runs it: the server's peer authentication then sees the right user. Of what was cut
 * off nothing is sent, or the server would wait for the rest. Made from what the host has; perl is on every Debian and
 * macOS (its modules would take longer to load than the server to answer), python3 on every RHEL. It returns 69
 * (EX_UNAVAILABLE) where there is nothing to make it of.
 */
export const relay = `relay() {
if command -v perl >/dev/null 2>&1; then perl -e '
    local $/; my $in = <STDIN>; length $in == $ARGV[2] or die "its input was cut off\\n";
    my $to = $^O eq "linux" ? pack("Sa*", 1, $ARGV[0]) : pack("CCa*", 0, 1, "$ARGV[0]\\0");
    my $s; socket($s, 1, 1, 0) && connect($s, $to) or die "$ARGV[0]: $!\\n";
    $SIG{PIPE} = "IGNORE"; $SIG{ALRM} = sub { die "$ARGV[0]: no answer within $ARGV[1] s\\n" }; alarm $ARGV[1];
    for (my $at = 0; $at < length $in;) { my $w = syswrite($s, $in, length($in) - $at, $at); last if !$w; $at += $w }
    while (sysread($s, my $bytes, 65536)) { print $bytes }' "$@"
elif command -v python3 >/dev/null 2>&1; then python3 -c '
import socket, sys
request = sys.stdin.buffer.read()
if len(request) != int(sys.argv[3]): sys.exit("its input was cut off")
s = socket.socket(socket.AF_UNIX); s.settimeout(float(sys.argv[2]))
try: s.connect(sys.argv[1])
except OSError as e: sys.exit(sys.argv[1] + ": " + str(e.strerror))
try: s.sendall(request)
except OSError: pass
while True:
    try: b = s.recv(65536)
    except socket.timeout: sys.exit("%s: no answer within %s s" % (sys.argv[1], sys.argv[2]))
    except OSError: break
    if not b: break
    sys.stdout.buffer.write(b)' "$@"
elif command -v socat >/dev/null 2>&1; then socat -t "$2" -T "$2" - "UNIX-CONNECT:$1"
elif command -v nc >/dev/null 2>&1 && nc -h 2>&1 | grep -q -e '-U'; then nc -w "$2" -U "$1"
else return 69
fi
}
`;

export const noRelay = 69;
