package server

import "uniapi/server/budget"

// The pool asks for room without knowing for what. Each of these is a request's
// holding, asked for one use.
type (
	bodyRoom   budget.Holding
	answerRoom budget.Holding
)

func (h *bodyRoom) Hold(bytes int) error { return (*budget.Holding)(h).Hold(budget.Body, bytes) }

func (h *answerRoom) Hold(bytes int) error { return (*budget.Holding)(h).Hold(budget.Answer, bytes) }
