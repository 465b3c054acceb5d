package codec

import "uniapi/codec/estimate"

// EstimateTokens guesses the tokens of a request by its body, as all that is estimated of it is: what a client sees
// before the upstream has counted is what it sees where the upstream never does.
func (r *Request) EstimateTokens() int64 { return max(estimate.Request(r.Body), 1) }
