//go:build example

package codec

// The line that shows how an endpoint is added. That of a real one stands in PassedOn.
func init() {
	PassedOn = append(PassedOn, struct {
		Endpoint Endpoint
		Fallback string
	}{"pretended/things", ""})
}
