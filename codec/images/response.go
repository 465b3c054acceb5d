package images

import "uniapi/codec"

// Response is the images that were made.
type Response struct {
	Images   []Image
	Usage    codec.Usage
	HasUsage bool // false if the upstream gave none, as Imagen, which is paid for by the image
}

// Image is one of them.
type Image struct {
	MIME, Data    string // Data is base64
	RevisedPrompt string // what the upstream made of the prompt, "" if it does not tell
}

// Add puts the images of another answer behind those of a.
func (a *Response) Add(next *Response) {
	a.Images = append(a.Images, next.Images...)
	a.HasUsage = a.HasUsage || next.HasUsage
	a.Usage.Add(next.Usage)
}
