# Makes $1/system, where $1 holds the archive of a PostgreSQL for musl; $2 is psql, $3 the loader of musl.
cd "$1"
psql=$2 loader=$3 root=$1/system
mkdir -p "$root" && cd "$root"
mkdir -p bin sbin lib usr/bin usr/sbin usr/libexec etc opt root home run dev proc sys tmp var/lib var/log var/empty
chmod 1777 tmp
chmod 700 root

# With all that it is linked with; this machine's folders may be links to others, and the system has none.
bring() {
  for file in "$1" $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
    mkdir -p ".$(dirname "$file")"
    [ -e ".$file" ] || cp -L "$file" ".$file"
  done
}

cp /usr/bin/busybox bin/busybox
for applet in $(bin/busybox --list); do [ "$applet" = busybox ] || ln -s busybox "bin/$applet"; done
# They would come between the programs of those who test: this system has no packages, and nothing to stop.
rm -f bin/dpkg bin/dpkg-deb bin/rpm bin/reboot bin/halt bin/poweroff bin/init
bring /usr/bin/toybox
rm -f bin/flock && ln -s /usr/bin/toybox bin/flock

for program in /usr/sbin/sshd /usr/lib/openssh/sshd-session /usr/lib/openssh/sshd-auth /usr/bin/doas; do
  [ ! -e "$program" ] || bring "$program"
done
chmod u+s usr/bin/doas
bring "$(find /lib/ /usr/lib/ -name pam_permit.so 2>/dev/null | head -n 1)"
mkdir -p etc/pam.d
for type in auth account session; do echo "$type required pam_permit.so"; done >etc/pam.d/doas

# Beside its own libraries, whose place is told from its own.
mkdir -p opt/client/bin opt/client/lib
cp -L "$psql" opt/client/bin/psql
for library in $(ldd "$psql" | grep -o '/[^ ]*'); do
  case $library in
    "${psql%/bin/psql}"/*) cp -L "$library" opt/client/lib/ ;;
    *) mkdir -p ".$(dirname "$library")" && cp -Ln "$library" ".$library" ;;
  esac
done
ln -s /opt/client/bin/psql usr/bin/psql

cp -L "$loader" ".$loader"
ln -s "${loader##*/}" lib/libc.musl-x86_64.so.1
mkdir -p opt/postgresql usr/libexec/postgresql17
python3 -m zipfile -e "$1"/embedded-postgres-*.jar "$1/archive"
tar -xJf "$1"/archive/*.txz -C opt/postgresql --no-same-owner
chmod -R a+rX opt
# Where Alpine's package has them.
for program in initdb pg_ctl postgres; do ln -s "/opt/postgresql/bin/$program" usr/libexec/postgresql17/; done
rm -r "$1"/archive "$1"/*.jar

cat >etc/passwd <<'END'
root:x:0:0:root:/root:/bin/sh
sshd:x:22:22:sshd:/var/empty:/bin/false
postgres:x:70:70:postgres:/var/lib/postgresql:/bin/sh
deploy:x:1000:1000:deploy:/home/deploy:/bin/sh
END
sed 's/^\([^:]*\):x:[0-9]*:\([0-9]*\):.*/\1:x:\2:/' etc/passwd >etc/group
sed 's/:.*/:*:20000:0:99999:7:::/' etc/passwd >etc/shadow
chmod 600 etc/shadow
echo 'permit nopass deploy as postgres' >etc/doas.conf
chmod 400 etc/doas.conf
cat >etc/sshd_config <<'END'
HostKey /etc/ssh_host_key
LogLevel DEBUG1
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
END
mkdir -p var/lib/postgresql home/deploy/.ssh
chown -R 70:70 var/lib/postgresql
chown -R 1000:1000 home/deploy
chmod 700 home/deploy/.ssh
echo 'ID=busybox' >etc/os-release
