# postgres.sh FOLDER PROGRAMS PORT: runs a PostgreSQL server in the folder until its input ends, then stops it and removes the folder.
set -e
cd "$1"
exec 3<&0 </dev/null >log 2>&1
"$2/initdb" --username=postgres --auth=trust --no-sync --no-instructions --encoding=UTF8 --locale=C data
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1 \
  -addext basicConstraints=critical,CA:FALSE -keyout data/server.key -out data/server.crt
# No crash of the machine is tested, so nothing has to reach the disk.
"$2/postgres" -D data -h 127.0.0.1 -p "$3" -k "$1" -c ssl=on -c max_connections=400 -c fsync=off -c full_page_writes=off &
server=$!
until "$2/pg_isready" -q -h 127.0.0.1 -p "$3"; do
  kill -0 "$server"
  sleep 0.05
done
touch ready
cat <&3 || true
kill -INT "$server"
wait "$server" || true
cd /
rm -rf "$1"
