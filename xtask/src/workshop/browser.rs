// SPDX-License-Identifier: GPL-2.0-only
//! A headless Chromium, told what to do by the DevTools protocol over a pair of pipes: JSON, each message
//! with a zero byte behind it.
//!
//! The protocol's crates talk to it through a web socket and carry types for all of it, some sixty
//! thousand generated lines; ten of its calls are wanted here.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::workshop::files::write;
use crate::workshop::interrupt::Guarded;
use crate::workshop::project::Project;
use crate::workshop::toolchain::Toolchain;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// It reads from descriptor 3 and writes to 4.
const PIPES: &str = r#"exec "$@" 3<&0 4>&1 1>&2"#;

/// A browser with one tab.
pub(crate) struct Browser {
    _process: Guarded,
    input: ChildStdin,
    messages: Receiver<Value>,
    session: Option<String>,
    calls: u64,
    /// What was complained of, and what was asked for beside the page.
    complaints: Vec<String>,
}

/// What the tab's window is like.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Dots of the screen for one of the page: 4 is a zoom of 400 %.
    pub(crate) scale: u32,
    pub(crate) dark: bool,
}

impl Browser {
    /// Starts it; it has no network.
    pub(crate) fn start(project: &Project) -> Result<Self> {
        let root = Toolchain::browser(project)?;
        let mut command = root.command("sh");
        command.args(["-c", PIPES, "sh", "chromium-headless-shell"]);
        command.args([
            "--remote-debugging-pipe",
            // The root is a sandbox already.
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--font-render-hinting=none",
            "--proxy-server=127.0.0.1:9",
            "about:blank",
        ]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = Guarded::new(command.spawn().context("cannot run bwrap")?);
        let input = process.child().stdin.take().context("no pipe to it")?;
        let output = process.child().stdout.take().context("no pipe from it")?;
        let (sender, messages) = channel();
        thread::spawn(move || {
            for message in BufReader::new(output).split(0) {
                let message = message.map(|bytes| serde_json::from_slice(&bytes));
                let Ok(Ok(message)) = message else { return };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self {
            _process: process,
            input,
            messages,
            session: None,
            calls: 0,
            complaints: Vec::new(),
        };
        let tab = browser.call("Target.createTarget", json!({"url": "about:blank"}))?;
        let attach = json!({"targetId": tab["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", attach)?;
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}))?;
        }
        Ok(browser)
    }

    /// Opens the file at `path` in a window.
    pub(crate) fn open(&mut self, path: &Path, window: Window) -> Result<()> {
        self.resize(window)?;
        self.complaints.clear();
        let url = format!("file://{}", path.display());
        let opened = self.call("Page.navigate", json!({"url": url}))?;
        if let Some(error) = opened["errorText"].as_str() {
            bail!("{url}: {error}");
        }
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")
    }

    /// Makes the window another one.
    pub(crate) fn resize(&mut self, window: Window) -> Result<()> {
        let Window {
            width,
            height,
            scale,
            dark,
        } = window;
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", metrics)?;
        let colours = if dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": colours}]});
        self.call("Emulation.setEmulatedMedia", media)?;
        Ok(())
    }

    /// What an expression of JavaScript is.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let said = self.call("Runtime.evaluate", asked)?;
        if let Some(thrown) = said.get("exceptionDetails") {
            bail!("{expression}: {}", thrown["exception"]["description"]);
        }
        Ok(said["result"]["value"].clone())
    }

    /// Waits until an expression holds.
    pub(crate) fn wait(&mut self, expression: &str) -> Result<()> {
        for _ in 0..600 {
            if self.evaluate(expression)? == json!(true) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        bail!("this never comes to hold: {expression}")
    }

    /// Presses a key, with Shift or without.
    pub(crate) fn key(&mut self, key: &str, shift: bool) -> Result<()> {
        let text = match key {
            "Enter" => "\r",
            key if key.chars().count() == 1 => key,
            _ => "",
        };
        let code = match key {
            "Enter" => 13,
            "Tab" => 9,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            _ => 0,
        };
        let modifiers = if shift { 8 } else { 0 };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let event = json!({
                "type": kind, "key": key, "text": text,
                "windowsVirtualKeyCode": code, "modifiers": modifiers,
            });
            self.call("Input.dispatchKeyEvent", event)?;
        }
        Ok(())
    }

    /// Clicks with the mouse in the middle of what `expression` finds.
    pub(crate) fn click(&mut self, expression: &str) -> Result<()> {
        let middle = format!(
            "(() => {{ const it = {expression}; it.scrollIntoView({{ block: 'nearest' }}); \
             const r = it.getClientRects()[0]; return [r.x + r.width / 2, r.y + r.height / 2] }})()"
        );
        let at = self.evaluate(&middle)?;
        for kind in ["mousePressed", "mouseReleased"] {
            let event =
                json!({"type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event)?;
        }
        Ok(())
    }

    /// Role and name of all that assistive programs are shown.
    pub(crate) fn roles(&mut self) -> Result<Vec<(String, String)>> {
        let tree = self.call("Accessibility.getFullAXTree", json!({}))?;
        let nodes = tree["nodes"].as_array().into_iter().flatten();
        let shown = nodes.filter(|node| node["ignored"] != json!(true));
        let text = |node: &Value, field: &str| {
            let value = node[field]["value"].as_str();
            value.unwrap_or_default().to_owned()
        };
        Ok(shown
            .map(|node| (text(node, "role"), text(node, "name")))
            .collect())
    }

    /// Writes what the window shows as a picture.
    pub(crate) fn picture(&mut self, path: &Path) -> Result<()> {
        let shot = self.call("Page.captureScreenshot", json!({"format": "png"}))?;
        let data = shot["data"].as_str().context("no picture")?;
        write(path, BASE64_STANDARD.decode(data)?)
    }

    /// What was complained of since the page was opened.
    pub(crate) fn complaints(&mut self) -> Result<Vec<String>> {
        // What was said before the answer to this has been heard by then.
        self.evaluate("0")?;
        Ok(self.complaints.clone())
    }

    fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        self.calls += 1;
        let id = self.calls;
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.input.write_all(format!("{message}\0").as_bytes())?;
        loop {
            let message = self.messages.recv_timeout(PATIENCE);
            let mut message = message.with_context(|| format!("{method} has no answer"))?;
            if message["id"] != json!(id) {
                self.complaints.extend(complaint(&message));
                continue;
            }
            if let Some(error) = message.get("error") {
                bail!("{method}: {}", error["message"]);
            }
            return Ok(message["result"].take());
        }
    }
}

/// What an event complains of.
fn complaint(event: &Value) -> Option<String> {
    let params = &event["params"];
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => Some(params["exceptionDetails"].to_string()),
        "Runtime.consoleAPICalled" if params["type"] != "log" => Some(params["args"].to_string()),
        "Log.entryAdded" => Some(params["entry"]["text"].to_string()),
        "Network.requestWillBeSent" => {
            let url = params["request"]["url"].as_str()?;
            let own = url.starts_with("file://") && params["type"] == "Document";
            (!own && !url.starts_with("data:")).then(|| format!("asks for {url}"))
        }
        _ => None,
    }
}
