package admin

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/valyala/fasthttp"
)

//go:embed dashboard/*.html dashboard/*.css dashboard/*.js dashboard/*.svg dashboard/vendor/LICENSE dashboard/vendor/*.js dashboard/vendor/*.css
var dashboardFiles embed.FS

// dashboardPolicy lets the page load its own files and ask its own gateway, and
// nothing else. It holds for whatever a model may be called: no script or style
// that stands in the page itself is run.
const dashboardPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// asset is one file of the dashboard.
type asset struct {
	kind string // Content-Type
	etag string
	body []byte
}

// assets are the files of the dashboard, by their path below /dashboard/. The
// page itself is the one without a name.
type assets map[string]asset

// Dashboard serves the page: at its address without a slash, and at those of its files.
// notFound answers where none is.
func Dashboard(notFound fasthttp.RequestHandler) (page, files fasthttp.RequestHandler) {
	all := dashboardAssets()
	return dashboardSlash, func(ctx *fasthttp.RequestCtx) { all.serve(ctx, notFound) }
}

var assetKinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	"":      "text/plain; charset=utf-8",
}

// dashboardAssets reads what was built into the binary, once for all servers of a process. Nothing else can be asked
// for, so a path cannot lead out of it.
var dashboardAssets = sync.OnceValue(func() assets {
	all := assets{}
	err := fs.WalkDir(dashboardFiles, "dashboard", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := dashboardFiles.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		file := asset{assetKinds[path.Ext(name)], `"` + hex.EncodeToString(sum[:16]) + `"`, body}
		name = strings.TrimPrefix(name, "dashboard/")
		if name == "index.html" {
			name = ""
		}
		all[name] = file
		return nil
	})
	if err != nil { // they are in the binary: never
		panic(err)
	}
	return all
})

// serve answers GET /dashboard/FILE. It needs no key: the files say nothing about
// this gateway. What the page shows it asks for with an admin's key.
func (a assets) serve(ctx *fasthttp.RequestCtx, notFound fasthttp.RequestHandler) {
	guardDashboard(ctx)
	name, _ := ctx.UserValue("file").(string)
	file, is := a[name]
	if !is {
		notFound(ctx)
		return
	}
	h := &ctx.Response.Header
	h.Set(fasthttp.HeaderETag, file.etag)
	h.Set(fasthttp.HeaderCacheControl, "no-cache") // asked again each time, and answered with 304 until there is another version
	if strings.Contains(string(ctx.Request.Header.Peek(fasthttp.HeaderIfNoneMatch)), file.etag) {
		ctx.SetStatusCode(fasthttp.StatusNotModified)
		return
	}
	ctx.SetContentType(file.kind)
	ctx.Response.SetBodyRaw(file.body)
}

// dashboardSlash sends /dashboard to /dashboard/, which the page's relative
// addresses need. They are relative so that a proxy may serve all of this below a
// path of its own.
func dashboardSlash(ctx *fasthttp.RequestCtx) {
	guardDashboard(ctx)
	ctx.Response.Header.Set(fasthttp.HeaderLocation, "dashboard/")
	ctx.SetStatusCode(fasthttp.StatusPermanentRedirect)
}

func guardDashboard(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	h.Set(fasthttp.HeaderContentSecurityPolicy, dashboardPolicy)
	h.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
	h.Set(fasthttp.HeaderReferrerPolicy, "no-referrer")
}
