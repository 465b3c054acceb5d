package doctor

import "encoding/json"

// dialect is how a client speaks: what it sends, and how it reads a stream.
type dialect struct {
	headers func(*examination) map[string]string
	// ask is a turn: the prompt, and of the second one what the model did in the first and what the tool gave.
	ask func(e *examination, prompt string, first *heard, result string) request
	// hear reads a stream.
	hear func(events []event) heard
	list func(*examination) request // of the models
	// listed are the names in a list of the client's own shape.
	listed func(body []byte) (names []string, ok bool)
	// envelope says whether an error has the client's own shape.
	envelope func(body []byte) bool
}

// heard is what a stream said.
type heard struct {
	text    string
	calls   []call
	back    []json.RawMessage // what goes back in the next turn, as it came
	whole   bool              // it has the end that this format has
	failure string            // the message of an error in it
	marks   int               // signs of life: pings and comments
	parts   int               // events with something in them
}

// call is a call of a tool.
type call struct{ id, name, arguments string }

type object = map[string]any

// schema is that of a tool that runs a command.
func schema(member string) object {
	return object{"type": "object", "properties": object{
		member:        object{"type": "string", "description": "The command to run"},
		"description": object{"type": "string", "description": "What the command does"},
	}, "required": []string{member}, "additionalProperties": false}
}

const shellDoes = "Runs a command in the shell and returns what it printed."

// openAIList reads OpenAI's list and Anthropic's: both have data with ids.
func openAIList(body []byte) (names []string, ok bool) {
	var list struct{ Data []struct{ ID string } }
	if json.Unmarshal(body, &list) != nil || list.Data == nil {
		return nil, false
	}
	for _, m := range list.Data {
		names = append(names, m.ID)
	}
	return names, true
}

// openAIEnvelope is {"error": {"message": …}}.
func openAIEnvelope(body []byte) bool {
	var e struct{ Error struct{ Message string } }
	return json.Unmarshal(body, &e) == nil && e.Error.Message != ""
}

// parsed reads the JSON of an event's data.
func parsed(data string, into any) bool { return json.Unmarshal([]byte(data), into) == nil }
