// Package estimate guesses tokens where no provider has counted them. It reads the bytes of a request or an answer of
// any format once, from the front, and takes what is cut off or no JSON as far as it goes: it is what a client pays who
// left, or whose provider does not say.
package estimate

import "uniapi/codec/quoted"

const (
	// CharactersPerToken is the usual rule for text.
	CharactersPerToken = 4
	// MediaTokens are what an image of middling size takes, in or out, and each mebibyte of any other file begun.
	MediaTokens = 1500
	// TokensPerMinute are those of sound.
	TokensPerMinute = 1000
	// bytesPerSoundToken are those of a file of sound at 128 kbit a second.
	bytesPerSoundToken = 16_000 * 60 / TokensPerMinute
)

// Text is the tokens of so many characters.
func Text(characters int64) int64 {
	return (characters + CharactersPerToken - 1) / CharactersPerToken
}

// Seconds is the tokens of sound of that length.
func Seconds(n int64) int64 { return (n*TokensPerMinute + 59) / 60 }

// Sound is the tokens of a file of sound.
func Sound(bytes int) int64 { return int64(bytes)/bytesPerSoundToken + 1 }

// SoundSeconds is how long a file of sound is.
func SoundSeconds(bytes int) int64 { return int64(bytes)/16_000 + 1 }

// longestOfFew are the seconds of sound that any file may have, however short it is: silence takes a few bytes a second
// in FLAC, Opus and AAC.
const longestOfFew = 3600

// SoundSecondsAtMost is how long a file of sound may be: no coding in use makes speech smaller than 8 kbit/s, and MP3,
// which is told by how it begins, nothing.
func SoundSecondsAtMost(file []byte) int64 {
	n := int64(len(file))/1_000 + 1
	if len(file) > 2 && (string(file[:3]) == "ID3" || file[0] == 0xff && file[1]&0xe6 == 0xe2) {
		return n
	}
	return max(n, longestOfFew)
}

// Media is the tokens of an image or another file of so many bytes, 0 if nobody knows.
func Media(bytes int) int64 { return MediaTokens * (1 + int64(bytes)>>20) }

// Request is the tokens of a request in JSON, or of a member of one, of any format: all its texts, wherever they stand.
// Words of the format and the names of members are none, as far as they are short, but for those in schemas, arguments
// and results, which a model reads. Numbers in lists count as one each: some clients send tokens. It does not allocate.
func Request(body []byte) int64 {
	s := request(body, nil)
	return Text(s.characters) + s.tokens
}

// Prompt is Request for a limit on a request's tokens: the last four characters are a token if all of them are there.
func Prompt(body []byte) int64 {
	tokens, _, _ := Prompts(body, nil)
	return tokens
}

// Prompts is Prompt, and as many tokens as the request may be at most for a provider that reads nothing else: a
// tokenizer that can tell all texts apart makes no more tokens of one than it has bytes, and what stands around the
// texts has more of them than what a provider puts there in its place. In the same pass it finds which words of a list
// the body has as names or texts, as words.In does for what is no JSON; words may be nil.
func Prompts(body []byte, words *quoted.List) (tokens, most int64, found quoted.Set) {
	s := request(body, words)
	return s.characters/CharactersPerToken + s.tokens, int64(len(body)) - s.files + s.tokens, s.found | quoted.Searched
}

func request(body []byte, words *quoted.List) scanner {
	s := scanner{data: body, all: true, words: words}
	s.run()
	s.release(false) // it is cut off
	return s
}

// Answer is the tokens of what an answer in JSON says: its texts and arguments, without what stands around them.
func Answer(body []byte) int64 {
	s := scanner{data: body}
	s.run()
	return Text(s.characters) + s.tokens
}
