package estimate

import "testing"

func TestFileOfSoundMayBeAnHourUnlessItIsMP3(t *testing.T) {
	for file, want := range map[string]int64{
		"": 3600, "fLaC and little else": 3600, "OggS": 3600, "RIFF....WAVE": 3600, "ID3\x04": 1, "\xff\xfb\x90": 1, "\xff\xe3\x90": 1, "\xff\xf1\x50": 3600, // the last is AAC
		"ID3" + string(make([]byte, 50_000)): 51, "fLaC" + string(make([]byte, 5_000_000)): 5001,
	} {
		if got := SoundSecondsAtMost([]byte(file)); got != want {
			t.Errorf("%d bytes beginning with %.4q: %d s, want %d", len(file), file, got, want)
		}
	}
}
