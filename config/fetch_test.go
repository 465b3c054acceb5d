package config

import (
	"net/netip"
	"reflect"
	"testing"
	"time"
)

func TestImageFetchHasDefaultsWithAndWithoutASection(t *testing.T) {
	for name, file := range map[string]string{
		"no preferences":    withProvider(""),
		"no image_fetch":    withPreferences("  cooldown_period: 5\n"),
		"empty image_fetch": withPreferences("  image_fetch:\n"),
	} {
		want := ImageFetch{MaxSize: 20 << 20, Timeout: 15 * time.Second}
		if got := parse(t, file).Preferences.ImageFetch; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func TestImageFetchTakesNamesAddressesAndNetworks(t *testing.T) {
	got := parse(t, withPreferences("  image_fetch:\n    allow: [Images.Intern.example., 192.168.1.5, 10.1.2.3/8, 'fd00::/8', '::ffff:127.0.0.1', 9pics.example]\n"+
		"    max_size: 5MiB\n    timeout: 2.5\n")).Preferences.ImageFetch
	want := ImageFetch{
		AllowHosts: []string{"images.intern.example", "9pics.example"},
		AllowNets: []netip.Prefix{netip.MustParsePrefix("192.168.1.5/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"),
			netip.MustParsePrefix("127.0.0.1/32")},
		MaxSize: 5 << 20, Timeout: 2500 * time.Millisecond,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if one := parse(t, withPreferences("  image_fetch: {allow: a.example}\n")).Preferences.ImageFetch; one.allowed() != "a.example" {
		t.Errorf("one in place of a list: %q", one.allowed())
	}
}

func TestImageFetchRefusesWhatIsNoHost(t *testing.T) {
	for _, word := range []string{"https://a.example", "a.example:8080", "10.0.0.0/33", "10.0.0.256", "10.1", "*.example", "a..b", "a b"} {
		if got, refused := problemsOf(t, withPreferences("  image_fetch: {allow: ['"+word+"']}\n"), noEnv); !refused {
			t.Errorf("%q was accepted: %v", word, got)
		} else if got[0].Line != 9 || got[0].Word != word {
			t.Errorf("%q: %v", word, got)
		}
	}
}
