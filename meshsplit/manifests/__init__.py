"""Kubernetes manifests: text to objects with positions, and objects to text. Files are in `files`."""

from meshsplit.manifests.document import Document, locate
from meshsplit.manifests.merge import combine
from meshsplit.manifests.reader import ReadResult, read_text
from meshsplit.manifests.writer import write_documents

__all__ = ["Document", "ReadResult", "combine", "locate", "read_text", "write_documents"]
