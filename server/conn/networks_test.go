package conn

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
)

func TestNetworksAreReadFromAList(t *testing.T) {
	for _, test := range []struct{ list, want, problem string }{
		{"", "", ""},
		{" , ", "", ""},
		{"10.0.0.0/8, ::1,192.0.2.7", "10.0.0.0/8 ::1/128 192.0.2.7/32", ""},
		{"10.1.2.3/8", "10.0.0.0/8", ""},
		{"::ffff:192.0.2.7", "192.0.2.7/32", ""},
		{"10.0.0.0/33", "", `"10.0.0.0/33"`},
		{"proxy.example", "", `"proxy.example"`},
	} {
		networks, err := ParseNetworks(test.list)
		var got []string
		for _, n := range networks {
			got = append(got, n.String())
		}
		if strings.Join(got, " ") != test.want || (err != nil) != (test.problem != "") || err != nil && !strings.Contains(err.Error(), test.problem) {
			t.Errorf("%q: %q, %v", test.list, got, err)
		}
	}
}

func TestClientBehindProxiesIsTheLastUntrustedAddress(t *testing.T) {
	trusted, err := ParseNetworks("10.0.0.0/8, fd00::/8")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, peer, want string
		forwardedFor     []string
	}{
		{"nothing is said", "10.0.0.1", "10.0.0.1", nil},
		{"one proxy", "10.0.0.1", "192.0.2.1", []string{"192.0.2.1"}},
		{"a client that makes something up", "10.0.0.1", "192.0.2.1", []string{"127.0.0.1, 192.0.2.1"}},
		{"a client that is no proxy", "192.0.2.1", "192.0.2.1", []string{"198.51.100.1"}},
		{"two proxies", "10.0.0.1", "192.0.2.1", []string{"192.0.2.1, 10.0.0.2"}},
		{"two proxies, a line each", "10.0.0.1", "192.0.2.1", []string{"1.1.1.1, 192.0.2.1", "10.0.0.2"}},
		{"all are trusted", "10.0.0.1", "10.0.0.3", []string{"10.0.0.3,10.0.0.2"}},
		{"nonsense ends it", "10.0.0.1", "10.0.0.2", []string{"192.0.2.1, unknown, 10.0.0.2"}},
		{"an empty line", "10.0.0.1", "10.0.0.1", []string{""}},
		{"with a port", "10.0.0.1", "192.0.2.1", []string{"192.0.2.1:4711"}},
		{"IPv6", "fd00::1", "2001:db8::1", []string{"2001:db8::1"}},
		{"IPv6 in brackets", "fd00::1", "2001:db8::1", []string{"[2001:db8::1]"}},
		{"IPv6 with a port", "fd00::1", "2001:db8::1", []string{"[2001:db8::1]:4711"}},
		{"IPv4 as IPv6", "10.0.0.1", "192.0.2.1", []string{"::ffff:192.0.2.1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var lines [][]byte
			for _, line := range test.forwardedFor {
				lines = append(lines, []byte(line))
			}
			if got := trusted.Behind(netip.MustParseAddr(test.peer), lines); got.String() != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func FuzzForwardedFor(f *testing.F) {
	f.Add([]byte("192.0.2.1, 10.0.0.2"))
	f.Add([]byte("[::1]:80,[,]:,"))
	trusted, err := ParseNetworks("10.0.0.0/8, ::/1")
	if err != nil {
		f.Fatal(err)
	}
	peer := netip.MustParseAddr("10.0.0.1")
	f.Fuzz(func(t *testing.T, line []byte) {
		got := trusted.Behind(peer, [][]byte{line})
		if got != peer && !bytes.ContainsAny(line, ".:") {
			t.Errorf("%s out of %q", got, line)
		}
		if !got.IsValid() || got.Zone() != "" || got.Is4In6() {
			t.Errorf("%v out of %q", got, line)
		}
	})
}
