package gemini

import (
	"fmt"
	"strings"
	"testing"
)

func TestSourcesThatAreNamedAgainAndAgainDoNotSwell(t *testing.T) {
	list := func(n int, format string) string {
		items := make([]string, n)
		for i := range items {
			items[i] = strings.ReplaceAll(format, "#", fmt.Sprint(i))
		}
		return strings.Join(items, ",")
	}
	long := strings.Repeat("x", 40<<10)
	for _, c := range []struct{ name, chunks, supports string }{
		{"one source, again in one support", `{"web":{"uri":"https://` + long + `"}}`, `{"groundingChunkIndices":[` + list(2000, "0") + `]}`},
		{"one source, of many supports", `{"web":{"uri":"https://a","title":"` + long + `"}}`, list(2000, `{"groundingChunkIndices":[0]}`)},
		{"many sources of one long passage", list(1000, `{"web":{"uri":"https://#"}}`), `{"segment":{"text":"` + long + `"},"groundingChunkIndices":[` + list(1000, "#") + `]}`},
		{"many sources, of many supports", list(200, `{"web":{"uri":"https://#/`+long[:400]+`"}}`), list(200, `{"groundingChunkIndices":[`+list(200, "#")+`]}`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer := said(`{"text":"abc"}`, `,"finishReason":"STOP","groundingMetadata":{"groundingChunks":[`+c.chunks+`],"groundingSupports":[`+c.supports+`]}`)
			whole, err := Format{}.DecodeResponse([]byte(answer))
			if err != nil {
				t.Fatal(err)
			}
			size := 0
			for _, e := range whole.Events(nil) {
				size += e.Size()
			}
			if size > len(answer)+3*maxCited {
				t.Errorf("an answer of %d bytes makes events of %d", len(answer), size)
			}
			if size < 40<<10 {
				t.Errorf("only %d bytes are left", size)
			}
		})
	}
}
