package openai

import (
	"encoding/json"
	"testing"

	"uniapi/codec"
)

func TestErrorsAreWrittenAsOpenAIWritesThem(t *testing.T) {
	e := codec.BadRequest("model", `no "such" model`)
	if got := string(AppendError(nil, e)); got != `{"error":{"message":"no \"such\" model","type":"invalid_request_error","param":"model","code":null}}` {
		t.Error(got)
	}
	event := string(AppendErrorEvent([]byte("x"), &codec.Error{Message: "m", Code: "c"}))
	if event != `xdata: {"error":{"message":"m","type":"server_error","param":null,"code":"c"}}`+"\n\n" || !json.Valid([]byte(event[7:])) {
		t.Error(event)
	}
}
