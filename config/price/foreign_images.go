package price

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// mostVariants bounds the sizes and qualities of one model.
const mostVariants = 100

// imageVariant is what a list says of the images of one size and quality.
type imageVariant struct {
	size, quality string // "" where the list says nothing of it
	amount        string
}

// litellmImageName is the name of an entry for images of a size, and maybe of a quality.
var litellmImageName = regexp.MustCompile(`^(?:(low|medium|high|hd|standard)/)?(\d{1,5})-x-(\d{1,5})/([^/]+)$`)

var isImageMode = map[string]bool{`"image_generation"`: true, `"image_edit"`: true}

// litellmImage reads an entry for images of one size and quality.
func (f foreign) litellmImage(provider, model string, row map[string]json.RawMessage) {
	m := litellmImageName.FindStringSubmatch(model)
	if m == nil {
		return
	}
	v := imageVariant{quality: m[1], size: m[2] + "x" + m[3]}
	for _, key := range [...]string{"output_cost_per_image", "input_cost_per_image"} {
		if words := appendWord(nil, "", "", row[key], 0); words != nil && v.amount == "" {
			v.amount = strings.TrimPrefix(words[0], "=")
		}
	}
	if v.amount == "" {
		v.amount = ofPixels(string(row["input_cost_per_pixel"]), m[2], m[3])
	}
	if name, ok := entryName(provider, m[4]); ok && v.amount != "" && v.amount != "0" && len(f.images) <= mostPrices && len(f.images[name]) < mostVariants {
		f.images[name] = append(f.images[name], v)
	}
}

// ofPixels is the price of an image by that of its pixels, which was a price of the image in millionths of a dollar at
// most and has been divided.
func ofPixels(each, width, height string) string {
	one, err := strconv.ParseFloat(each, 64)
	w, _ := strconv.Atoi(width)
	h, _ := strconv.Atoi(height)
	dollars := one * float64(w) * float64(h)
	if err != nil || !(dollars > 0 && dollars < 1000) {
		return ""
	}
	return Dollars(int64(math.Round(dollars*1e6)), 6)
}

// What dall-e takes where a request does not say it. Models with the qualities low, medium and high choose by
// themselves, and tell it.
const usualSize, usualQuality = "1024x1024", "standard"

// addImages adds the prices of images to the entries of their models.
func (f foreign) addImages() {
	for name, variants := range f.images {
		chooses := slices.ContainsFunc(variants, func(v imageVariant) bool { return v.quality == "low" || v.quality == "medium" || v.quality == "high" })
		prices := map[string]string{}
		add := func(of, amount string) {
			if of = strings.TrimSpace(of); of == "" {
				of = defaultImage
			}
			if prices[of] == "" {
				prices[of] = amount
			}
		}
		words := f.entries[name]
		for i, word := range words {
			if amount, is := strings.CutPrefix(word, names[PerImage]+"="); is {
				add(defaultImage, amount)
				words = slices.Delete(slices.Clone(words), i, i+1)
				break
			}
		}
		for _, v := range variants {
			usual := v.quality == "" || v.quality == usualQuality
			switch {
			case chooses && usual: // it has no such quality
				continue
			case v.quality == "":
				add(v.size, v.amount)
			default:
				add(v.quality+" "+v.size, v.amount)
			}
			if chooses {
				continue
			}
			if usual {
				add(v.size, v.amount)
			}
			if v.size == usualSize {
				add(v.quality, v.amount)
			}
			if usual && v.size == usualSize {
				add("", v.amount)
			}
		}
		for of, amount := range prices {
			words = append(words, names[PerImage]+"/"+strings.ReplaceAll(of, " ", "/")+"="+amount)
		}
		if len(prices) > 0 {
			f.entries[name] = words
		}
	}
}
