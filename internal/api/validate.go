package api

// Validate checks in, the input of op, against the model's constraints.
func Validate(op Op, in any) error {
	if !op.known() {
		return Errorf(CodeUnknownOperation, "")
	}
	return nil
}
