package server

import (
	"testing"
	"testing/fstest"
)

func TestTheMemoryOfAControlGroupIsTheTightestLimitAboveIt(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"none at all", nil, 0},
		{"version 2, a service", map[string]string{
			"proc/self/cgroup": "0::/system.slice/uni-api.service\n",
			"sys/fs/cgroup/system.slice/uni-api.service/memory.max": "536870912\n",
			"sys/fs/cgroup/system.slice/memory.max":                 "max\n",
		}, 512 << 20},
		{"version 2, a tighter group above", map[string]string{
			"proc/self/cgroup":               "0::/a/b/c\n",
			"sys/fs/cgroup/a/b/c/memory.max": "2000\n",
			"sys/fs/cgroup/a/memory.max":     "1000\n",
		}, 1000},
		{"version 2, in a container", map[string]string{
			"proc/self/cgroup":         "0::/\n",
			"sys/fs/cgroup/memory.max": "1000\n",
		}, 1000},
		{"version 2, no limit", map[string]string{
			"proc/self/cgroup":         "0::/\n",
			"sys/fs/cgroup/memory.max": "max\n",
		}, 0},
		{"version 1, a container that sees the host's path", map[string]string{
			"proc/self/cgroup":                           "12:cpu,cpuacct:/docker/1\n9:memory:/docker/1\n1:name=systemd:/docker/1\n0::/docker/1\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "1000\n",
		}, 1000},
		{"version 1, no limit", map[string]string{
			"proc/self/cgroup":                           "9:memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 0},
		{"nonsense", map[string]string{
			"proc/self/cgroup":         "what\n0::../../etc\n\n::",
			"sys/fs/cgroup/memory.max": "-5",
		}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			system := fstest.MapFS{}
			for name, text := range test.files {
				system[name] = &fstest.MapFile{Data: []byte(text)}
			}
			if got := cgroupMemory(system); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}
