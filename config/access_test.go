package config

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestWhoMayUseAKeyAndWhen(t *testing.T) {
	for _, test := range []struct {
		preferences string
		at, client  string
		want        Denial
	}{
		{"{}", "2030-01-01T00:00:00Z", "192.0.2.1", NotDenied},
		{"{disabled: true}", "2030-01-01T00:00:00Z", "192.0.2.1", DeniedDisabled},
		{"{disabled: false}", "2030-01-01T00:00:00Z", "192.0.2.1", NotDenied},
		{"{expires_at: 2030-01-01T00:00:00Z}", "2029-12-31T23:59:59Z", "192.0.2.1", NotDenied},
		{"{expires_at: 2030-01-01T00:00:00Z}", "2030-01-01T00:00:00Z", "192.0.2.1", DeniedExpired},
		{"{expires_at: 2030-01-01T00:00:00+02:00}", "2029-12-31T22:00:00Z", "192.0.2.1", DeniedExpired},
		{"{expires_at: 2030-01-01 @ Europe/Berlin}", "2029-12-31T22:59:59Z", "192.0.2.1", NotDenied},
		{"{expires_at: 2030-01-01 @ Europe/Berlin}", "2029-12-31T23:00:00Z", "192.0.2.1", DeniedExpired},
		{"{expires_at: 2030-07-01 12:00 @ America/New_York}", "2030-07-01T16:00:00Z", "192.0.2.1", DeniedExpired},
		{"{allow_ips: 192.0.2.1}", "2030-01-01T00:00:00Z", "192.0.2.1", NotDenied},
		{"{allow_ips: 192.0.2.1}", "2030-01-01T00:00:00Z", "::ffff:192.0.2.1", NotDenied},
		{"{allow_ips: 192.0.2.1}", "2030-01-01T00:00:00Z", "192.0.2.2", DeniedAddress},
		{"{allow_ips: [198.51.100.0/24, '2001:db8::/32']}", "2030-01-01T00:00:00Z", "198.51.100.255", NotDenied},
		{"{allow_ips: [198.51.100.0/24, '2001:db8::/32']}", "2030-01-01T00:00:00Z", "2001:db8:1::1", NotDenied},
		{"{allow_ips: [198.51.100.0/24, '2001:db8::/32']}", "2030-01-01T00:00:00Z", "2001:db9::1", DeniedAddress},
		{"{allow_ips: [198.51.100.0/24, '2001:db8::/32']}", "2030-01-01T00:00:00Z", "198.51.101.0", DeniedAddress},
		{"{allow_ips: 'fe80::/10'}", "2030-01-01T00:00:00Z", "fe80::1%eth0", NotDenied},
		{"{allow_ips: 0.0.0.0/0}", "2030-01-01T00:00:00Z", "", DeniedAddress},
		{"{allow_ips: 192.0.2.1, disabled: true}", "2030-01-01T00:00:00Z", "192.0.2.2", DeniedDisabled},
	} {
		t.Run(test.preferences+" "+test.client, func(t *testing.T) {
			cfg, err := Parse("api.yaml", []byte(withKey("    preferences: "+test.preferences+"\n")), noEnv)
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse(time.RFC3339, test.at)
			if err != nil {
				t.Fatal(err)
			}
			client, _ := netip.ParseAddr(test.client)
			access := cfg.APIKeys[0].Preferences.Access
			if got := access.Denies(at, client); got != test.want {
				t.Errorf("denied %d, not %d", got, test.want)
			}
			if access.Denies(at, client) != NotDenied && !access.Limited() {
				t.Error("what is never limited is denied")
			}
		})
	}
}

func TestKeyThatHasExpiredIsWarnedOf(t *testing.T) {
	cfg, err := Parse("api.yaml", []byte(withKey("    preferences: {expires_at: 2020-01-01}\n")), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if said := cfg.Problems().Error(); !strings.Contains(said, "has expired; give it another expires_at, or remove the key") {
		t.Errorf("warned of %q", said)
	}
}
