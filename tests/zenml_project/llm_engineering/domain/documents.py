import uuid

from pydantic import UUID4, BaseModel, Field


class NoSQLBaseDocument(BaseModel):
    id: UUID4 = Field(default_factory=uuid.uuid4)

    def model_dump(self, **kwargs) -> dict:
        dict_ = super().model_dump(**kwargs)
        return {key: str(value) if isinstance(value, uuid.UUID) else value for key, value in dict_.items()}


class UserDocument(NoSQLBaseDocument):
    first_name: str
    last_name: str

    @classmethod
    def get_or_create(cls, **filter_options) -> "UserDocument":
        return cls(**filter_options)

    @property
    def full_name(self):
        return f"{self.first_name} {self.last_name}"
