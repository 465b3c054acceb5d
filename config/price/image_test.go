package price

import "testing"

func TestImagePriceIsThatOfItsSizeAndQuality(t *testing.T) {
	priced := func(more ...Part) *Price {
		for i := range more {
			more[i].Name = "per_image"
		}
		p, err := Make(more)
		if err != nil {
			t.Fatal(err)
		}
		return &p
	}
	table := priced(Part{Of: "1024x1024", Amount: 40}, Part{Of: "hd 1024x1024", Amount: 80}, Part{Of: "1024x1792 hd", Amount: 120}, Part{Of: "low", Amount: 10})
	rest := priced(Part{Of: "default", Amount: 5}, Part{Of: "HD", Amount: 80}, Part{Of: "2K", Amount: 90})
	for _, test := range []struct {
		of            *Price
		size, quality string
		want          int64
	}{
		{table, "1024x1024", "standard", 40},
		{table, "1024x1024", "hd", 80},
		{table, "1024X1024", "HD", 80},
		{table, "1024x1792", "hd", 120},
		{table, "1024x1792", "standard", 120}, // nothing is said of it
		{table, "1024x1024", "low", 40},       // as much is said by either
		{table, "512x512", "low", 10},
		{table, "1024x1024", "", 40},
		{table, "1024x1024", "auto", 40},
		{table, "auto", "hd", 120}, // the dearest that it may be
		{table, "512x512", "hd", 120},
		{table, "", "", 120},
		{rest, "", "", 5},
		{rest, "512x512", "low", 5},
		{rest, "2k", "", 90},
		{rest, "2k", "hd", 90},
		{rest, "", "hd", 80},
		{priced(Part{Amount: 7}), "2k", "hd", 7},
	} {
		if got := test.of.Image(test.size, test.quality); got != test.want {
			t.Errorf("%q %q: %d, want %d of %s", test.size, test.quality, got, test.want, test.of)
		}
	}
	for _, test := range []struct {
		of            *Price
		size, quality string
		want          int64
	}{
		{table, "", "", 120},
		{table, "1024x1024", "", 80},
		{table, "auto", "low", 40}, // if it is of that size,
		{table, "1024x1024", "low", 40},
		{table, "512x512", "hd", 120},
		{rest, "", "", 90},
		{rest, "512x512", "standard", 5},
		{rest, "512x512", "", 80},
		{priced(Part{Of: "default", Amount: 200}, Part{Of: "hd", Amount: 80}), "", "hd", 200},
		{priced(Part{Amount: 7}), "2k", "hd", 7},
	} {
		if got := test.of.ImagesAtMost(test.size, test.quality); got.Image("3x3", "x") != test.want || got.Image("", "") != test.want || test.of.HasImages() == got.HasImages() && test.of.HasImages() {
			t.Errorf("%q %q: at most %s, want %d of %s", test.size, test.quality, got, test.want, test.of)
		}
	}
	for _, text := range []string{"", "  ", "1x1 2x2", "hd low", "default hd", "a b c"} {
		if IsImageWords(text) {
			t.Errorf("%q says what an image is", text)
		}
	}
}
