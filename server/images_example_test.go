package server

import (
	"fmt"
	"net/http"
	"testing"
)

// TestImagesOfOpenAICostWhatItsTableSays draws an image of each size and quality, whose tokens OpenAI's guide to images
// has a table of, and compares with what they come to at 40 dollars for a million, as worked out at
// https://community.openai.com/t/1275254. Its answers tell apart what tokens of the prompt are, and those of the answer
// not at all.
func TestImagesOfOpenAICostWhatItsTableSays(t *testing.T) {
	for _, c := range []struct {
		quality, size string
		tokens        int64
		cost          int64 // in hundred-thousandths of a dollar
	}{
		{"low", "1024x1024", 272, 1088}, {"low", "1024x1536", 408, 1632}, {"low", "1536x1024", 400, 1600},
		{"medium", "1024x1024", 1056, 4224}, {"medium", "1024x1536", 1584, 6336}, {"medium", "1536x1024", 1568, 6272},
		{"high", "1024x1024", 4160, 16640}, {"high", "1024x1536", 6240, 24960}, {"high", "1536x1024", 6208, 24832},
	} {
		for _, details := range []string{"", fmt.Sprintf(`,"output_tokens_details":{"image_tokens":%d,"text_tokens":0}`, c.tokens)} {
			t.Run(c.quality+" "+c.size+details, func(t *testing.T) {
				up := act(t, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					fmt.Fprintf(w, `{"created":1,"size":%q,"quality":%q,"data":[{"b64_json":"aGk="}],"usage":{"input_tokens":0,"input_tokens_details":{"text_tokens":0,"image_tokens":0},"output_tokens":%d,"total_tokens":%[3]d%s}}`, c.size, c.quality, c.tokens, details)
				})
				g := start(t, up.section("/v1", "gpt-image-1"), "")
				body := fmt.Sprintf(`{"model":"gpt-image-1","prompt":"a cat","size":%q,"quality":%q}`, c.size, c.quality)
				if a := g.do("POST", "/v1/images/generations", body, asClient...); a.StatusCode != 200 {
					t.Fatalf("%d %s", a.StatusCode, a.body)
				}
				g.settled(1)
				if state, _ := g.books.State(clientKeyText); state.Spent != c.cost*10_000 {
					t.Errorf("%d nano-dollars, want %d", state.Spent, c.cost*10_000)
				}
			})
		}
	}
}
