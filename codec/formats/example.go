//go:build example

package formats

import "uniapi/codec/formats/pretend"

// The example's line. That of a real format stands in list.
func init() { entry{"pretend", pretend.Format{}, pretend.Routes()}.add() }
