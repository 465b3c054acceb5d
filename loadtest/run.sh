#!/usr/bin/env bash
# The load test of uni-api's README: locust against the gateway in front of the
# mock upstream, then against the mock itself, and what the gateway adds.
#
#   loadtest/run.sh BINARY        all of it, about four minutes
#   USERS=20 RATE=20 DURATION=10 loadtest/run.sh BINARY
#
# USERS at once, RATE of them started a second, DURATION in seconds of each of
# the two runs, LIMIT in ms that the gateway may add to the median time to the
# first byte. locust is taken from PATH or installed into build/locust. Fails
# on any failed request. Everything stays on 127.0.0.1.
set -euo pipefail

if [[ $# -ne 1 || ! -x $1 ]]; then
	echo "usage: loadtest/run.sh BINARY (make build makes ./uni-api)" >&2
	exit 2
fi
binary=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
users=${USERS:-100} rate=${RATE:-10} duration=${DURATION:-120} limit=${LIMIT:-10}

work=$(mktemp -d)
started=()
finish() {
	for pid in "${started[@]}"; do
		kill "$pid" 2>/dev/null && wait "$pid" || true
	done
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

locust=$(command -v locust || true)
if [[ -z $locust ]]; then
	venv=$here/../build/locust
	locust=$venv/bin/locust
	if [[ ! -x $locust ]]; then
		echo "installing locust into build/locust" >&2
		python3 -m venv "$venv"
		"$venv/bin/pip" install --quiet locust
	fi
fi

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start NAME PORT COMMAND...: run COMMAND until it takes connections on PORT.
start() {
	local name=$1 port=$2
	shift 2
	"$@" >"$work/$name.log" 2>&1 &
	local pid=$!
	started+=("$pid")
	for _ in {1..100}; do
		if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			return
		fi
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	echo "the $name takes no connections on port $port; it said:" >&2
	cat "$work/$name.log" >&2
	exit 1
}

# attack NAME PORT: one locust run; its figures go to $work/NAME_stats.csv.
attack() {
	echo
	echo "== $1: $users users, $rate a second, $duration s"
	if ! "$locust" -f "$here/locustfile.py" --headless --only-summary --loglevel WARNING \
		--host "http://127.0.0.1:$2" -u "$users" -r "$rate" -t "${duration}s" --csv "$work/$1"; then
		echo "the run against the $1 had failures" >&2
		exit 1
	fi
}

# median NAME: p50 to the first byte of the run NAME, in ms.
median() {
	awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "50%") column = i }
		$2 == "first byte" { print $column; found = 1 }
		END { exit !found }' "$work/$1_stats.csv"
}

mock_port=$(free_port)
start mock "$mock_port" "$binary" mock --addr "127.0.0.1:$mock_port"

export UNI_API_KEY=sk-loadtest-000000000000
cat >"$work/api.yaml" <<YAML
providers:
  - provider: mock
    base_url: http://127.0.0.1:$mock_port/v1/chat/completions
    api: sk-mock
    model:
      - gpt-4o-mini-2024-07-18: gpt-4o
api_keys:
  - api: $UNI_API_KEY
    model:
      - gpt-4o
YAML
port=$(free_port)
start gateway "$port" "$binary" --config "$work/api.yaml" --listen "127.0.0.1:$port" --data "$work/data"

attack gateway "$port"
attack mock "$mock_port"

through=$(median gateway)
direct=$(median mock)
echo
echo "p50 to the first byte: $through ms through the gateway, $direct ms without it: $((through - direct)) ms added"
if ((through - direct >= limit)); then
	echo "that is not under $limit ms" >&2
	exit 1
fi
