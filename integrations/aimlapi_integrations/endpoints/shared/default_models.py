"""The default models for documents, recordings and images, apart from their endpoints, which a client imports later."""

OCR_MODEL = "mistral/mistral-ocr-4-0"
SPEECH_MODEL = "nova-3"
IMAGE_MODEL = "google/gemini-3-1-flash-image-preview"
