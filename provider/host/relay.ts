/**
 * Joins standard input and output to a Unix socket, as whoever runs it: the server's peer authentication then sees
 * the right user. Made from what the host has; perl is on every Debian and macOS, python3 on every RHEL.
 */
export const relay = `if command -v perl >/dev/null 2>&1; then exec perl -MIO::Socket::UNIX -MIO::Select -e '
    my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "$ARGV[0]: $!\\n";
    my $watch = IO::Select->new($s, \\*STDIN);
    while (1) { for my $from ($watch->can_read) {
      my $n = sysread($from, my $bytes, 65536);
      exit 0 if !$n;
      my $to = $from == $s ? \\*STDOUT : $s;
      for (my $at = 0; $at < $n;) { my $w = syswrite($to, $bytes, $n - $at, $at); exit 1 if !defined $w; $at += $w }
    } }' "$1"
elif command -v python3 >/dev/null 2>&1; then exec python3 -c '
import os, select, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
while True:
    for f in select.select([s, 0], [], [])[0]:
        b = s.recv(65536) if f is s else os.read(0, 65536)
        if not b: sys.exit(0)
        if f is s:
            while b: b = b[os.write(1, b):]
        else: s.sendall(b)' "$1"
elif command -v socat >/dev/null 2>&1; then exec socat - "UNIX-CONNECT:$1"
elif command -v nc >/dev/null 2>&1; then exec nc -U "$1"
else echo "needs perl, python3, socat or nc to reach the socket $1" >&2; exit 69
fi
`;
