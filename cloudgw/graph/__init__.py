"""Elements, their references, and the difference between two graphs of them: pure, no Kubernetes, no cloud."""
