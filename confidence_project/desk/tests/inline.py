"""What the content security policy refuses in a page: inline styles, inline scripts, handlers."""

REFUSED = [
    r"<[^>]*\sstyle\s*=",
    r"<style",
    r"<[^>]*\son[a-z]+\s*=",
    r"<script(?![^>]*(\ssrc=|type=\"application/json\"))",
    r"javascript:",
]
