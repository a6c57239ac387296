// Browsers don't start workers on file:// pages, and the search runs in one. Run its script in a hidden iframe instead.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      this.frame.srcdoc = "<!doctype html>"
      this.ready = new Promise((resolve, reject) => {
        this.frame.onload = () => {
          const scope = this.frame.contentWindow
          scope.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }))
          scope.importScripts = (...urls) => urls.reduce((done, each) => done.then(() => load(scope, each)), Promise.resolve())
          load(scope, url).then(resolve, reject)
        }
      })
      document.body.append(this.frame)
    }

    postMessage(data) {
      this.ready.then(() => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })))
    }

    terminate() {
      this.frame.remove()
    }
  }

  const load = (scope, url) => new Promise((resolve, reject) => {
    const script = scope.document.createElement("script")
    script.src = url
    script.onload = resolve
    script.onerror = reject
    scope.document.head.append(script)
  })
}
