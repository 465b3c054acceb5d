package gemini

import "strings"

// traits are what a model's name tells of what it takes.
type traits struct {
	// version is 25 for 2.5 and 30 for 3; 0 if the name does not tell. Names ending in latest count as 3, which they now are.
	version                         int
	pro, flash, lite, image, speech bool
	gemma                           bool // knows no instructions, tools or thinking
}

// modelTraits reads the upstream's name of a model.
func modelTraits(name string) traits {
	name = strings.ToLower(name)
	name = name[strings.LastIndexByte(name, '/')+1:]
	t := traits{
		pro: strings.Contains(name, "-pro"), flash: strings.Contains(name, "flash"), lite: strings.Contains(name, "flash-lite"),
		image: strings.Contains(name, "-image"), speech: strings.Contains(name, "-tts"), gemma: strings.HasPrefix(name, "gemma"),
	}
	_, rest, ok := strings.Cut(name, "gemini-")
	if !ok || rest == "" {
		return t
	}
	if rest[0] >= '0' && rest[0] <= '9' {
		t.version = 10 * int(rest[0]-'0')
		if len(rest) > 2 && rest[1] == '.' && rest[2] >= '0' && rest[2] <= '9' {
			t.version += int(rest[2] - '0')
		}
	} else if strings.HasSuffix(name, "-latest") {
		t.version = 30
	}
	return t
}

// before says whether the model is known to be older than a version.
func (t traits) before(version int) bool { return t.version != 0 && t.version < version }

// thinks says whether the model takes a thinkingConfig. Older ones, and those for images and speech, refuse it.
func (t traits) thinks() bool {
	return !t.before(25) && !t.gemma && !t.speech && (!t.image || t.version >= 30)
}
