package stack

import (
	"context"
	"errors"
	"net/http"

	"larder/internal/fetch"
)

// FetchTemplate returns the text of the template at a URL, of at most so many
// bytes. A refusal is an [Error] in CloudFormation's words.
func FetchTemplate(ctx context.Context, client *fetch.Client, location string, most int) ([]byte, error) {
	if client == nil {
		return nil, invalid("TemplateURL must be a supported URL.")
	}
	res, err := client.Get(ctx, location)
	if err != nil {
		return nil, Unfetched(err, most)
	}
	if len(res.Body) > most {
		return nil, templateTooLarge(most)
	}
	return res.Body, nil
}

// Unfetched words a template or policy that could not be fetched. S3's answers are
// quoted as AWS does.
func Unfetched(err error, most int) error {
	const s3 = "S3 error: %s\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
	e, ok := errors.AsType[*fetch.Error](err)
	if !ok {
		return err
	}
	switch e.Reason {
	case fetch.Refused, fetch.Invalid:
		return invalid("TemplateURL must be a supported URL.")
	case fetch.NotFound:
		return invalid(s3, "The specified key does not exist.")
	case fetch.TooLarge:
		return templateTooLarge(most)
	case fetch.Status:
		if e.Status == http.StatusForbidden {
			return invalid(s3, "Access Denied")
		}
	}
	return invalid("The template could not be fetched: %s", e)
}

func templateTooLarge(most int) error {
	return invalid("Template may not exceed %d bytes in size.", most)
}
