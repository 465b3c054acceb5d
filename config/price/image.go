package price

import (
	"fmt"
	"slices"
	"strings"
)

// ImagePrice is what an image of a size or a quality costs, or of both.
type ImagePrice struct {
	Words  []string // sizes and qualities in lower case; all of them must be those of the image
	Amount int64    // pico-dollars
}

// defaultImage is the price of images that no other is for.
const defaultImage = "default"

// imageWords reads what an image price is for, such as "hd 1024x1792"; nil for the default, false for what says
// nothing, or twice the same.
func imageWords(text string) (words []string, ok bool) {
	words = strings.Fields(strings.ToLower(text))
	if len(words) == 1 && words[0] == defaultImage {
		return nil, true
	}
	sizes := 0
	for _, w := range words {
		if isSize(w) {
			sizes++
		}
	}
	return words, sizes <= 1 && len(words)-sizes <= 1 && len(words) > 0 && !slices.Contains(words, defaultImage)
}

// IsImageWords says whether a price of images may be for that.
func IsImageWords(text string) bool {
	_, ok := imageWords(text)
	return ok
}

// isSize tells sizes, such as 1024x1536 or 2k, from qualities.
func isSize(word string) bool { return word[0] >= '0' && word[0] <= '9' }

// setImage gives images a price. What has none of its own costs the default, or as much as the dearest.
func (p *Price) setImage(of string, amount int64) error {
	words, ok := imageWords(of)
	if !ok {
		return fmt.Errorf("%q is no size and quality of images", of)
	}
	if words == nil {
		p.set(PerImage, amount)
		p.otherImages = true
		return nil
	}
	if was, is := p.Get(PerImage); !is || !p.otherImages && amount > was {
		p.set(PerImage, amount)
	}
	for i := range p.Images { // of a tier, which says otherwise than the price without it
		if slices.Equal(p.Images[i].Words, words) {
			p.Images[i].Amount = amount
			return nil
		}
	}
	p.Images = append(p.Images, ImagePrice{words, amount})
	return nil
}

// HasImages says whether images cost by their size or quality.
func (p *Price) HasImages() bool { return p.More != nil && len(p.Images) > 0 }

// saidOfImage is what a size or a quality says: auto says nothing.
func saidOfImage(text string) string {
	if text = strings.ToLower(text); text == "auto" {
		return ""
	}
	return text
}

// fits says that all of the price's words are the image's.
func (i *ImagePrice) fits(size, quality string) bool {
	return !slices.ContainsFunc(i.Words, func(w string) bool { return w != ofImage(w, size, quality) })
}

// contradicts says that the image is known to be none that the price is for.
func (i *ImagePrice) contradicts(size, quality string) bool {
	return slices.ContainsFunc(i.Words, func(w string) bool {
		of := ofImage(w, size, quality)
		return of != "" && of != w
	})
}

// ofImage is what is known of an image of the kind that a word is of.
func ofImage(word, size, quality string) string {
	if isSize(word) {
		return saidOfImage(size)
	}
	return saidOfImage(quality)
}

// Image is what one image costs of which the size and the quality are known; "" is unknown. The price that says most of
// it holds, of two that say as much the dearer, and the default where none fits. Without a default it is the dearest
// that may be meant.
func (p *Price) Image(size, quality string) int64 {
	if !p.HasImages() {
		return p.Or(PerImage, 0)
	}
	best, words := int64(-1), 0
	possible := int64(-1)
	for _, i := range p.Images {
		if i.fits(size, quality) && (len(i.Words) > words || len(i.Words) == words && i.Amount > best) {
			best, words = i.Amount, len(i.Words)
		}
		if !i.contradicts(size, quality) {
			possible = max(possible, i.Amount)
		}
	}
	switch {
	case best >= 0:
		return best
	case possible >= 0 && !p.otherImages:
		return possible
	}
	return p.Or(PerImage, 0)
}

// ImagesAtMost is the price with one for all images: the most that one may cost of which a request says the size and
// the quality, "" or auto if it does not. What it does not say, the provider chooses.
func (p *Price) ImagesAtMost(size, quality string) Price {
	one := *p
	if !p.HasImages() {
		return one
	}
	most := int64(0)
	for _, i := range p.Images {
		if !i.contradicts(size, quality) {
			most = max(most, i.Amount)
		}
	}
	more := *p.More
	more.Images = nil
	if other := more.of[PerImage]; p.otherImages || most == 0 {
		most = max(most, other)
	}
	more.of[PerImage] = most
	one.More = &more
	return one
}

// imagesString is what images cost by size and quality.
func (p *Price) imagesString() string {
	if !p.HasImages() {
		return ""
	}
	var list []string
	for _, i := range p.Images {
		list = append(list, strings.Join(i.Words, " ")+" "+Dollars(i.Amount, Places(names[PerImage])))
	}
	return " (" + strings.Join(list, ", ") + ")"
}
