//go:build tools

// Package tools pins what `go build` compiles here: the Temporal CLI.
package tools

import _ "github.com/temporalio/cli/cmd/temporal"
